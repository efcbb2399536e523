//! From the ingress' answer to the commit, at 100 events a second: what a webhook waits for. Each is of
//! a payment of its own, and is fetched from a canned Stripe in another process.
//!
//! The commit is Postgres' own word for it (`track_commit_timestamp`). The floor is a bare round trip
//! of the same size: a commit of the same rows by one client that does nothing else.

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use quittance::queue::Producer;
use sqlx::types::time::OffsetDateTime;
use sqlx::{Connection as _, PgConnection};

use super::canned;
use super::events::{self, Templates};
use super::load::Requests;
use super::stage::{Stage, Timings};

const RATE: usize = 100;
/// Before those that count.
const WARM_UP: usize = 5 * RATE;
const EVENTS: usize = 60 * RATE;

pub(crate) async fn measure() {
    let (mut stage, templates) = (Stage::set().await, Templates::make().await);
    let mut postgres = PgConnection::connect(&stage.url).await.unwrap();
    sqlx::raw_sql("ALTER SYSTEM SET track_commit_timestamp = on")
        .execute(&mut postgres)
        .await
        .unwrap();
    stage.servers.postgres.restart().await.unwrap();
    let (_stripe, api) = canned::start(&templates.payment, stage.dir()).await;
    stage.asks(&api, canned::KEY);
    stage.start("ingress").await;
    stage.start("worker").await;

    let requests = Requests::sign(&templates.event, 0, WARM_UP + EVENTS);
    let sent = requests.send(&stage.ingress(), Some(RATE as f64)).await;
    let settings = stage.settings();
    let producer = Producer::new(&settings.redis, &settings.queue).unwrap();
    while producer.depth().await.unwrap().total() > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let mut postgres = PgConnection::connect(&stage.url).await.unwrap();
    let committed: HashMap<String, OffsetDateTime> =
        sqlx::query_as("SELECT id, pg_xact_commit_timestamp(xmin) FROM quittance.events")
            .fetch_all(&mut postgres)
            .await
            .unwrap()
            .into_iter()
            .collect();
    let waited = sent.answered.iter().enumerate().skip(WARM_UP).map(|(n, answered)| {
        let committed = committed[&format!("evt_{}", events::number(n))];
        let answered = answered.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        // A commit may come before its webhook's answer has been read.
        (committed.unix_timestamp_nanos() as f64 / 1e9 - answered).max(0.0) * 1_000.0
    });
    let waited = Timings::new(waited.collect());

    println!("latency: from the answer to the commit, {RATE} events a second, all of them fetched");
    println!("{:<44}{:>9}{:>9}{:>9}", "ms", "p50", "p99", "max");
    let tell = |name: &str, of: &Timings| {
        let (p50, p99, max) = (of.percentile(50), of.percentile(99), of.max());
        println!("{name:<44}{p50:>9.1}{p99:>9.1}{max:>9.1}");
    };
    tell("the ingress' answer", &sent.timings);
    tell("from there to the commit", &waited);
}
