//! Delivery by HTTP, and the relay's claims.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use quittance::config::Secret;
use quittance::domain::kinds::payment::PaymentStatus;
use quittance::outbox::Destination;
use serde_json::json;
use sqlx::Connection as _;

use super::{Receiver, Running, SECRET, destination, settings, until, write_occurrence};
use crate::harness::{TestDatabase, eventually};
use crate::store::given::{observe, payment};

const DELIVERED: &str =
    "SELECT count(*) FROM quittance.outbox_deliveries WHERE state = 'delivered'";

/// The signature by openssl, an independent implementation.
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
async fn a_post_carries_the_signature_that_openssl_computes_with_each_secret() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    let other = format!("whsec_{}", "B".repeat(40));
    let mut settings = settings(&receiver.url);
    let destination = settings.outbox.destinations.get_mut("default").unwrap();
    destination.secrets = vec![Secret::new(SECRET), Secret::new(&*other)];
    observe(&db.store, "pi_1", 1_700_000_000, payment(PaymentStatus::Succeeded)).await;
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
async fn a_notification_has_the_state_before_and_after() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    observe(&db.store, "pi_1", 1_700_000_000, payment(PaymentStatus::RequiresAction)).await;
    observe(&db.store, "pi_1", 1_700_000_060, payment(PaymentStatus::Succeeded)).await;
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
            "object": {"kind": "payment_intent", "id": "pi_1"}, "version": 2, "cause": null, "origin": null,
            "before": {"status": "requires_action"}, "after": {"status": "succeeded"},
            "data": {"amount": 1000, "amount_received": 0, "currency": "eur", "metadata": {}},
        })
    );
}

#[tokio::test]
async fn no_transaction_is_open_while_a_request_is_in_flight() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    receiver.hold();
    write_occurrence(&db, "evt_1", "pi_1").await;
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
        write_occurrence(&db, &format!("evt_{n}"), &format!("pi_{}", n % 40)).await;
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
async fn a_relay_that_dies_between_sending_and_recording_causes_a_redelivery_and_loses_nothing() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    let mut settings = settings(&receiver.url);
    settings.outbox.lease = Duration::from_millis(300);
    write_occurrence(&db, "evt_1", "pi_1").await;
    receiver.hold();
    let relay = Running::start(&db.store, &settings);
    receiver.until(1).await;
    // It has arrived, and its outcome is not recorded.
    relay.task.abort();
    assert!(relay.task.await.unwrap_err().is_cancelled());
    assert_eq!(db.number(DELIVERED).await, 0);
    receiver.release();

    let relay = Running::start(&db.store, &settings);
    let posts = receiver.until(2).await;
    until(&db, DELIVERED, 1).await;
    relay.stop().await;
    assert_eq!(posts[0].id(), posts[1].id(), "the id is the same, so the receiver can deduplicate");
}

#[tokio::test]
async fn a_destination_receives_only_its_topics() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    let mut settings = settings(&receiver.url);
    let destination = settings.outbox.destinations.get_mut("default").unwrap();
    destination.topics = vec!["refund.*".into(), "payment.succeeded".into()];
    observe(&db.store, "pi_1", 100, payment(PaymentStatus::RequiresAction)).await;
    observe(&db.store, "pi_1", 160, payment(PaymentStatus::Succeeded)).await;
    let relay = Running::start(&db.store, &settings);
    let posts = receiver.until(1).await;
    until(&db, DELIVERED, 1).await;
    relay.stop().await;
    assert_eq!(posts[0].json["topic"], "payment.succeeded");
    assert_eq!(db.count("quittance.outbox_deliveries").await, 1);
}

#[tokio::test]
async fn an_outcome_that_cannot_be_recorded_at_first_is_recorded_later_without_a_redelivery() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    receiver.hold();
    for n in 0..3 {
        write_occurrence(&db, &format!("evt_{n}"), &format!("pi_{n}")).await;
    }
    // With a lease of a minute: whatever is sent again here, it is not because its lease has ended.
    let store = db.store.for_relay(&db.settings()).unwrap();
    let mut settings = settings(&receiver.url);
    // Longer than this test waits for anything.
    settings.outbox.destinations.get_mut("default").unwrap().timeout = Duration::from_secs(600);
    let relay = Running::start(&store, &settings);
    receiver.until(3).await;

    let mut other = db.connect().await;
    let mut transaction = other.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE quittance.outbox_deliveries IN SHARE MODE")
        .execute(&mut *transaction)
        .await
        .unwrap();
    receiver.release();
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'
                   AND query LIKE '%outbox_deliveries%'";
    // Its lock times out, so recording fails.
    eventually("it waits for the lock", async || db.number(waits).await > 0).await;
    eventually("it waits no longer", async || db.number(waits).await == 0).await;
    transaction.commit().await.unwrap();
    until(&db, DELIVERED, 3).await;
    relay.stop().await;
    assert_eq!(receiver.posts().len(), 3);
}

#[tokio::test]
async fn a_relay_that_stops_releases_the_claims_that_it_has_not_sent() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    receiver.hold();
    for n in 0..40 {
        write_occurrence(&db, &format!("evt_{n}"), &format!("pi_{n}")).await;
    }
    let mut settings = settings(&receiver.url);
    // Longer than this test waits for anything.
    settings.outbox.destinations.get_mut("default").unwrap().timeout = Duration::from_secs(600);
    let relay = Running::start(&db.store, &settings);
    let claimed = "SELECT count(*) FROM quittance.outbox_queues WHERE claim > 0";
    // 16 at once, and as many ahead.
    until(&db, claimed, 32).await;
    relay.stop.cancel();
    until(&db, claimed, 16).await;
    receiver.release();
    relay.stop().await;
    let due = "SELECT count(*) FROM quittance.outbox_queues
               WHERE claim = 0 AND due_at <= clock_timestamp()";
    assert_eq!((db.number(due).await, receiver.posts().len()), (24, 16));
}

#[tokio::test]
async fn a_destination_that_does_not_answer_does_not_delay_the_others() {
    let db = TestDatabase::migrated().await;
    let (dead, well) = (Receiver::start().await, Receiver::start().await);
    dead.hold();
    let settings = settings(&well.url);
    let to = |receiver: &Receiver, name: &str| {
        let mut settings = super::settings(&receiver.url);
        // Longer than this test waits for anything.
        settings.outbox.destinations.get_mut("default").unwrap().timeout = Duration::from_secs(600);
        Destination { name: name.to_owned(), ..destination(&settings) }
    };
    let destinations = vec![to(&dead, "http:dead"), to(&well, "http:well")];
    let store = db.store.for_relay(&db.settings()).unwrap();
    let relay = Running::with(&store, &settings, destinations);
    for n in 0..60 {
        write_occurrence(&db, &format!("evt_{n}"), &format!("pi_{n}")).await;
    }
    let posts = well.until(60).await;
    assert_eq!(posts.len(), 60);
    assert_eq!(dead.posts().len(), 16, "those that it may be sent at once");
    dead.release();
    until(&db, DELIVERED, 120).await;
    relay.stop().await;
}
