//! Those who are told by HTTP.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use quittance::config::Secret;
use quittance::domain::payment::Status;
use serde_json::json;

use super::{Receiver, Running, SECRET, settings, tell, until};
use crate::harness::{TestDatabase, eventually};
use crate::store::given::{observe, payment};

const DELIVERED: &str =
    "SELECT count(*) FROM quittance.outbox_deliveries WHERE state = 'delivered'";

/// What openssl, which shares nothing with us, signs.
fn openssl(secret: &str, signed: &[u8]) -> String {
    let script = r#"key=$(printf %s "$1" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
        openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A"#;
    let key = secret.strip_prefix("whsec_").unwrap();
    let mut child = Command::new("sh")
        .args(["-c", script, "sh", key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(signed).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn what_is_posted_is_signed_as_openssl_signs_it_with_each_secret() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    let other = format!("whsec_{}", "B".repeat(40));
    let mut settings = settings(&receiver.url);
    let destination = settings.outbox.destinations.get_mut("default").unwrap();
    destination.secrets = vec![Secret::new(SECRET), Secret::new(&*other)];
    observe(&db.store, "pi_1", 1_700_000_000, payment(Status::Succeeded)).await;
    let relay = Running::start(&db.store, &settings);
    let post = receiver.until(1).await.remove(0);
    relay.stop().await;

    let (id, time) = (post.header("webhook-id"), post.header("webhook-timestamp"));
    assert_eq!((id, post.header("content-type")), (post.id(), "application/json"));
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", &post.body].concat();
    let expected = [SECRET, &other].map(|secret| format!("v1,{}", openssl(secret, &signed)));
    assert_eq!(post.header("webhook-signature"), expected.join(" "));
}

#[tokio::test]
async fn a_notification_says_what_was_and_what_is() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    observe(&db.store, "pi_1", 1_700_000_000, payment(Status::RequiresAction)).await;
    observe(&db.store, "pi_1", 1_700_000_060, payment(Status::Succeeded)).await;
    let relay = Running::start(&db.store, &settings(&receiver.url));
    let mut told = receiver.until(2).await.remove(1).json;
    relay.stop().await;
    for varies in ["id", "created"] {
        assert!(told.as_object_mut().unwrap().remove(varies).unwrap().is_string());
    }
    assert_eq!(
        told,
        json!({
            "v": 1, "topic": "payment.succeeded", "sort": "state",
            "occurred": "2023-11-14T22:14:20Z", "account": null, "livemode": false,
            "object": {"kind": "payment_intent", "id": "pi_1"}, "version": 2, "cause": null,
            "before": {"status": "requires_action"}, "after": {"status": "succeeded"},
            "data": {"amount": 1000, "amount_received": 0, "currency": "eur", "metadata": {}},
        })
    );
}

#[tokio::test]
async fn no_transaction_is_open_while_an_answer_is_awaited() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    receiver.hold();
    tell(&db, "evt_1", "pi_1").await;
    let mut settings = settings(&receiver.url);
    let destination = settings.outbox.destinations.get_mut("default").unwrap();
    // Longer than this test waits for anything.
    destination.timeout = Duration::from_secs(600);
    let relay = Running::start(&db.store, &settings);
    receiver.until(1).await;

    // Those that the relay begins meanwhile, to look whether there is more, end by themselves.
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let sent_by = db.number(now).await;
    let open = format!(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND (extract(epoch FROM xact_start) * 1000000)::bigint <= {sent_by}"
    );
    // Less than Postgres itself lets one be idle, which would end what this looks for.
    let ended = eventually("those that were open end", async || db.number(&open).await == 0);
    let ended = tokio::time::timeout(Duration::from_secs(15), ended).await;
    assert!(ended.is_ok(), "a transaction from before the request is open");
    assert_eq!(receiver.posts().len(), 1);
    assert_eq!(db.number(DELIVERED).await, 0, "it still waits for its answer");
    receiver.release();
    until(&db, DELIVERED, 1).await;
    relay.stop().await;
}

#[tokio::test]
async fn several_relays_share_the_work_and_each_notification_is_sent_once() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    let settings = settings(&receiver.url);
    for n in 0..120 {
        tell(&db, &format!("evt_{n}"), &format!("pi_{}", n % 40)).await;
    }
    let relays: Vec<_> = (0..4).map(|_| Running::start(&db.store, &settings)).collect();
    until(&db, DELIVERED, 120).await;
    for relay in relays {
        relay.stop().await;
    }
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for post in receiver.posts() {
        *times.entry(post.id().to_owned()).or_default() += 1;
    }
    assert_eq!(times.len(), 120);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

#[tokio::test]
async fn a_relay_that_ends_between_sending_and_noting_costs_a_repetition_and_no_notification() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    let mut settings = settings(&receiver.url);
    settings.outbox.lease = Duration::from_millis(300);
    tell(&db, "evt_1", "pi_1").await;
    receiver.hold();
    let relay = Running::start(&db.store, &settings);
    receiver.until(1).await;
    // It has arrived, and nobody has noted it.
    relay.task.abort();
    assert!(relay.task.await.unwrap_err().is_cancelled());
    assert_eq!(db.number(DELIVERED).await, 0);
    receiver.release();

    let relay = Running::start(&db.store, &settings);
    let posts = receiver.until(2).await;
    until(&db, DELIVERED, 1).await;
    relay.stop().await;
    assert_eq!(posts[0].id(), posts[1].id(), "by its id the receiver knows it");
}

#[tokio::test]
async fn a_destination_is_told_only_what_it_wants_to_hear() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    let mut settings = settings(&receiver.url);
    let destination = settings.outbox.destinations.get_mut("default").unwrap();
    destination.topics = vec!["refund.*".into(), "payment.succeeded".into()];
    observe(&db.store, "pi_1", 100, payment(Status::RequiresAction)).await;
    observe(&db.store, "pi_1", 160, payment(Status::Succeeded)).await;
    let relay = Running::start(&db.store, &settings);
    let posts = receiver.until(1).await;
    until(&db, DELIVERED, 1).await;
    relay.stop().await;
    assert_eq!(posts[0].json["topic"], "payment.succeeded");
    assert_eq!(db.count("quittance.outbox_deliveries").await, 1);
}

#[tokio::test]
async fn what_has_been_told_goes_after_its_time_and_what_has_not_stays() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    let settings = settings(&receiver.url);
    tell(&db, "evt_told", "pi_1").await;
    let relay = Running::start(&db.store, &settings);
    until(&db, DELIVERED, 1).await;
    relay.stop().await;
    tell(&db, "evt_waits", "pi_1").await;

    let names = ["http:default".to_owned()];
    let prune =
        async |age| db.store.prune_outbox(&names, Duration::from_secs(age), 10).await.unwrap();
    assert_eq!(prune(3600).await, 0, "too young");
    while prune(0).await == 0 {}
    assert_eq!(prune(0).await, 0);
    assert_eq!(db.json("quittance.outbox", "true").await["cause"], "evt_waits");
    assert_eq!(db.count("quittance.outbox_deliveries").await, 0);
}
