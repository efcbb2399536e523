//! Notifications by HTTP: a backlog in the outbox, one worker that has nothing else to do, and a receiver
//! in another process that answers at once, 16 requests at a time; with about 1,000 that wait, and with
//! 1,000,000. Then from the commit of a notification to its arrival, while the worker is saturated with
//! events.
//!
//! The floor is the same POSTs by the same HTTP client to the same receiver, without Postgres.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quittance::outbox::HttpChannel;
use quittance::queue::Producer;
use quittance::store::outbox::Claimed;
use sqlx::types::time::OffsetDateTime;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::canned;
use super::events::Templates;
use super::receiver::Receiver;
use super::stage::{Stage, Timings};
use super::worker;

/// Requests at once, which is what the settings say.
const AT_ONCE: usize = 16;

/// `OUTBOX_BENCH_COUNT`: notifications that are measured.
fn count() -> usize {
    number("OUTBOX_BENCH_COUNT", 20_000)
}

/// `OUTBOX_BENCH_BACKLOG`: those that wait where many do.
fn backlog() -> usize {
    number("OUTBOX_BENCH_BACKLOG", 1_000_000)
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

pub(crate) async fn measure() {
    println!("outbox: notifications by HTTP, {AT_ONCE} at once, {} of them measured", count());
    println!("{:<44}{:>12}{:>10}", "", "a second", "of floor");
    let few = rate(1_000, false).await;
    let many = rate(backlog(), true).await;
    println!("with {} waiting it takes {:.2} times as long as with 1000", backlog(), few / many);
    saturated().await;
}

/// A worker that sends to a receiver.
async fn stage() -> (Stage, Receiver) {
    let (mut stage, receiver) = (Stage::set().await, Receiver::start().await);
    stage.with(&[
        ("QUITTANCE__OUTBOX__START", "beginning"),
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__URL", &receiver.url()),
        (
            "QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__SECRETS",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ),
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__ALLOW_HTTP", "true"),
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__ALLOW_PRIVATE", "true"),
    ]);
    (stage, receiver)
}

/// Notifications a second with about so many waiting: all of them there before, or topped up.
async fn rate(waiting: usize, before: bool) -> f64 {
    let (mut stage, receiver) = stage().await;
    let templates = Templates::make().await;
    let (_stripe, api) = canned::start(&templates.payment, stage.dir()).await;
    stage.asks(&api, canned::KEY);
    let mut postgres = PgConnection::connect(&stage.url).await.unwrap();
    write(&mut postgres, if before { waiting.max(count()) } else { waiting }).await;
    let body = body(&mut postgres).await;
    let floor_before = floor(&stage, &receiver, &body).await;
    let sent_before = receiver.count().await;
    stage.start("worker").await;

    let warm_up = count() / 10;
    let (mut written, mut begun) = (if before { usize::MAX } else { waiting }, None);
    let ours = loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let arrived = receiver.count().await - sent_before;
        while written - arrived < waiting && written < warm_up + count() + waiting {
            write(&mut postgres, 500).await;
            written += 500;
        }
        if arrived >= warm_up {
            let (from, at) = *begun.get_or_insert((arrived, Instant::now()));
            if arrived >= warm_up + count() * 9 / 10 {
                break (arrived - from) as f64 / at.elapsed().as_secs_f64();
            }
        }
    };
    stage.clear().await;
    let floor = f64::midpoint(floor_before, floor(&stage, &receiver, &body).await);
    println!("{:<44}{floor:>12.0}", "floor: the same client, without Postgres");
    println!("{:<44}{ours:>12.0}{:>10.2}", format!("{waiting} waiting"), ours / floor);
    ours
}

/// Writes notifications, each about an object of its own.
async fn write(postgres: &mut PgConnection, count: usize) {
    sqlx::query(
        r#"INSERT INTO quittance.outbox (
               id, topic, sort, account, livemode, object_kind, object_id, cause, payload)
           SELECT gen_random_uuid(), 'payment.succeeded', 'state', '', false, 'payment_intent',
                  'pi_' || gen_random_uuid(), 'evt_1',
                  '{"v": 1, "occurred": 1700000000, "version": 1, "before": null,
                    "after": {"status": "succeeded"}, "data": {"amount": 2000, "currency": "eur"}}'
           FROM generate_series(1, $1)"#,
    )
    .bind(i32::try_from(count).unwrap())
    .execute(postgres)
    .await
    .unwrap();
}

async fn body(postgres: &mut PgConnection) -> String {
    sqlx::query_scalar("SELECT quittance.outbox_body(o)::text FROM quittance.outbox AS o LIMIT 1")
        .fetch_one(postgres)
        .await
        .unwrap()
}

/// POSTs a second.
async fn floor(stage: &Stage, receiver: &Receiver, body: &str) -> f64 {
    let settings = stage.settings();
    let channel = Arc::new(HttpChannel::new(&settings.outbox.destinations["default"]).unwrap());
    assert!(channel.post(&claimed(body)).await.is_ok(), "the receiver at {}", receiver.url());
    let (next, begun) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let senders = (0..AT_ONCE).map(|_| {
        let (channel, next, body) = (Arc::clone(&channel), Arc::clone(&next), body.to_owned());
        tokio::spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < count() / 2 {
                channel.post(&claimed(&body)).await.unwrap();
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    (count() / 2) as f64 / begun.elapsed().as_secs_f64()
}

fn claimed(body: &str) -> Claimed {
    Claimed {
        id: Uuid::new_v4(),
        topic: "payment.succeeded".to_owned(),
        body: body.to_owned(),
        attempts: 0,
        claim: 1,
        due_at: OffsetDateTime::UNIX_EPOCH,
    }
}

/// From the commit to the arrival, of the notifications that a backlog of events causes.
async fn saturated() {
    let (mut stage, receiver) = stage().await;
    let mut postgres = PgConnection::connect(&stage.url).await.unwrap();
    sqlx::raw_sql("ALTER SYSTEM SET track_commit_timestamp = on")
        .execute(&mut postgres)
        .await
        .unwrap();
    stage.servers.postgres.restart().await.unwrap();
    let templates = Templates::make().await;
    let (_stripe, api) = canned::start(&templates.payment, stage.dir()).await;
    stage.asks(&api, canned::KEY);
    worker::fill(&stage, &templates.event, count()).await;
    stage.start("worker").await;
    let begun = Instant::now();
    let settings = stage.settings();
    let producer = Producer::new(&settings.redis, &settings.queue).unwrap();
    while producer.depth().await.unwrap().total() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let settled = count() as f64 / begun.elapsed().as_secs_f64();
    while receiver.count().await < count() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut postgres = PgConnection::connect(&stage.url).await.unwrap();
    let committed: HashMap<String, OffsetDateTime> =
        sqlx::query_as("SELECT id::text, pg_xact_commit_timestamp(xmin) FROM quittance.outbox")
            .fetch_all(&mut postgres)
            .await
            .unwrap()
            .into_iter()
            .collect();
    let times = receiver.times().await;
    assert_eq!(times.len(), committed.len(), "notifications that arrived, and those that are true");
    let waited = committed.iter().map(|(id, committed)| {
        let arrived = times[id] as f64 / 1e6;
        (arrived - committed.unix_timestamp_nanos() as f64 / 1e9).max(0.0) * 1_000.0
    });
    let waited = Timings::new(waited.collect());
    let (p50, p99, max) = (waited.percentile(50), waited.percentile(99), waited.max());
    println!("from the commit to the POST while {settled:.0} events a second are settled, in ms:");
    println!("{:<44}{p50:>9.1} p50{p99:>9.1} p99{max:>9.1} max", "");
}
