//! The ingress: signed events of ~3 KB over 50 connections, with the append-only file on.
//!
//! Floor (a) is a bare axum handler that computes one HMAC and does one XADD, floor (b) one that only
//! reads the body. All three take turns at the same Redis, which is emptied in between.

use super::events::Templates;
use super::load::{CONNECTIONS, Requests};
use super::stage::Stage;
use super::{bare, median};

/// Events of one turn: a few seconds' worth.
const EVENTS: usize = 60_000;
const TURNS: usize = 5;

pub(crate) async fn measure() {
    let mut stage = Stage::set().await;
    // As large as one with an address and some metadata.
    let event = Templates::described(&"4711 ".repeat(210)).await.event;
    let redis = stage.servers.redis.url();
    let requests = Requests::sign(&event, 0, EVENTS);
    let (mut adding, mut reading, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    let mut memory: f64 = 0.0;
    for _ in 0..TURNS {
        let (floor, address) = bare::start(Some(redis.clone())).await;
        adding.push(peak(&requests, &address).await);
        floor.end().await;
        empty(&redis).await;

        stage.start("ingress").await;
        ours.push(peak(&requests, &stage.ingress()).await);
        memory = memory.max(stage.role("ingress").peak_memory());
        stage.clear().await;
        empty(&redis).await;

        let (floor, address) = bare::start(None).await;
        reading.push(peak(&requests, &address).await);
        floor.end().await;
    }
    let (adding, reading, ours) = (median(adding), median(reading), median(ours));

    stage.start("ingress").await;
    let half = ours / 2.0;
    let paced = Requests::sign(&event, EVENTS, EVENTS).send(&stage.ingress(), Some(half)).await;

    let bytes = event.text().len();
    println!(
        "ingress: events of {bytes} bytes, {CONNECTIONS} connections, the append-only file on"
    );
    println!("{:<44}{:>12}{:>10}", "", "requests/s", "of (a)");
    for (name, rate) in [
        ("floor (a): bare axum, one HMAC, one XADD", adding),
        ("floor (b): bare axum, reads the body", reading),
        ("ingress", ours),
    ] {
        println!("{name:<44}{rate:>12.0}{:>10.2}", rate / adding);
    }
    let (p50, p99) = (paced.timings.percentile(50), paced.timings.percentile(99));
    println!("at half of its peak ({half:.0}/s): p50 {p50:.2} ms, p99 {p99:.2} ms");
    println!("resident at its peak, at most: {memory:.1} MB");
}

/// Requests a second, all as fast as they go.
async fn peak(requests: &Requests, address: &str) -> f64 {
    requests.count() as f64 / requests.send(address, None).await.seconds
}

/// Gives a Redis back its memory, and its file back its length.
async fn empty(url: &str) {
    let client = redis::Client::open(url).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("FLUSHALL").exec_async(&mut redis).await.unwrap();
}
