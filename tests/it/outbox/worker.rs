//! The relay in a worker process, which can be killed.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Receiver, SECRET, until, write_occurrence};
use crate::harness::TestDatabase;
use crate::harness::{private_redis, private_redis_with};

/// `quittance worker`, killed when dropped.
struct Worker(Child);

impl Worker {
    fn start(db: &TestDatabase, redis: &str, settings: &[(&str, &str)]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_quittance"))
            .arg("worker")
            .env("DATABASE_URL", db.settings().url.reveal())
            .env("REDIS_URL", redis)
            .env("STRIPE_SECRET_KEY", "sk_test_1")
            .env("STRIPE_API_BASE", "http://127.0.0.1:9")
            .env("QUITTANCE__QUEUE__NAME", "notified")
            .env("QUITTANCE__OUTBOX__START", "beginning")
            .env("QUITTANCE__OUTBOX__POLL_INTERVAL", "20ms")
            .env("QUITTANCE__RETRY__FIRST", "20ms")
            .env("QUITTANCE__RETRY__CAP", "50ms")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The entries of the stream: their fields id, topic, body.
async fn entries(url: &str) -> Vec<[String; 3]> {
    let client = redis::Client::open(url).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let key = "{notified}:outbox";
    // As a consumer group reads it.
    let _: Result<(), _> = redis::cmd("XGROUP")
        .arg(&["CREATE", key, "shop", "0", "MKSTREAM"])
        .query_async(&mut redis)
        .await;
    let entries: Vec<(String, Vec<(String, String)>)> =
        redis::cmd("XRANGE").arg(&[key, "-", "+"]).query_async(&mut redis).await.unwrap();
    let fields = |(_, fields): (String, Vec<(String, String)>)| {
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["id", "topic", "body"]);
        fields.into_iter().map(|(_, value)| value).collect::<Vec<_>>().try_into().unwrap()
    };
    entries.into_iter().map(fields).collect()
}

const DELIVERED: &str =
    "SELECT count(*) FROM quittance.outbox_deliveries WHERE state = 'delivered'";

#[tokio::test]
async fn a_restart_of_a_durable_redis_loses_nothing_of_the_stream() {
    let db = TestDatabase::migrated().await;
    // With `everysec`, a crash would lose the last second, also what is recorded as delivered.
    let mut redis = private_redis_with(&["appendfsync always"]).await;
    let _worker =
        Worker::start(&db, &redis.url(), &[("QUITTANCE__OUTBOX__STREAM__ENABLED", "true")]);
    write_occurrence(&db, "evt_1", "pi_1").await;
    until(&db, DELIVERED, 1).await;

    redis.kill().await.unwrap();
    for n in 2..=50 {
        write_occurrence(&db, &format!("evt_{n}"), &format!("pi_{}", n % 5)).await;
    }
    // It has failed once; no attempt is spent and nothing is dead-lettered.
    let tried = "SELECT least(count(*), 1) FROM quittance.outbox_deliveries
                 WHERE failure_code = 'redis' AND attempts = 0 AND state = 'pending'";
    until(&db, tried, 1).await;
    redis.restart().await.unwrap();
    until(&db, DELIVERED, 50).await;

    let entries = entries(&redis.url()).await;
    let mut causes: Vec<Vec<u64>> = vec![vec![]; 5];
    let mut seen = std::collections::HashSet::new();
    for [id, topic, body] in entries {
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((body["id"].as_str(), body["topic"].as_str()), (Some(&*id), Some(&*topic)));
        if seen.insert(id) {
            let number = |text: &serde_json::Value| {
                text.as_str().unwrap().rsplit('_').next().unwrap().parse::<u64>().unwrap()
            };
            causes[usize::try_from(number(&body["object"]["id"])).unwrap()]
                .push(number(&body["cause"]));
        }
    }
    assert_eq!(seen.len(), 50);
    assert!(causes.iter().all(|causes| causes.is_sorted()), "{causes:?}");
}

#[tokio::test]
async fn a_notification_of_a_worker_killed_before_recording_is_redelivered_by_the_next() {
    let db = TestDatabase::migrated().await;
    let redis = private_redis().await;
    let receiver = Receiver::start().await;
    let settings = [
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__URL", &*receiver.url),
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__SECRETS", SECRET),
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__ALLOW_HTTP", "true"),
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__ALLOW_PRIVATE", "true"),
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__TIMEOUT", "500ms"),
        ("QUITTANCE__OUTBOX__LEASE", "5500ms"),
    ];
    write_occurrence(&db, "evt_1", "pi_1").await;
    receiver.hold();
    let first = Worker::start(&db, &redis.url(), &settings);
    receiver.until(1).await;
    drop(first); // SIGKILL
    let pending = db.json("quittance.outbox_deliveries", "true").await;
    assert_eq!(pending["state"], "pending");
    receiver.release();
    let _second = Worker::start(&db, &redis.url(), &settings);
    let posts = tokio::time::timeout(Duration::from_secs(120), receiver.until(2)).await.unwrap();
    until(&db, DELIVERED, 1).await;
    assert_eq!(posts[0].id(), posts[1].id());
}
