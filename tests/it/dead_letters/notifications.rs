//! Dead-lettered notifications: dead letters like any other.

use std::time::Duration;

use quittance::config::Start;
use quittance::ops::{dead_letters, outbox};
use quittance::store::dead_letter::{
    DeadLetter, DeadLetterId, DeadLetterReason, DeadLetterSource, DeadLetterState, Filter,
};
use quittance::store::outbox::{Claimed, Undelivered};

use super::{JANE, dead_letter, queue, words};
use crate::harness::{TestDatabase, eventually};
use crate::outbox::write_occurrence;

pub(crate) const SHOP: &str = "http:shop";

/// Hands out what there is, as soon as no transaction of any test may still come before it.
async fn claim(db: &TestDatabase) -> Vec<Claimed> {
    db.store.open_destination(SHOP, Start::Beginning).await.unwrap();
    let fanned_out = async || db.store.fan_out(SHOP, &[], 100).await.unwrap() > 0;
    eventually("it is fanned out", fanned_out).await;
    db.store.claim(SHOP, 100, Duration::from_secs(600)).await.unwrap()
}

/// Notes an attempt in vain; `again` or the reason to give it up.
async fn fail(db: &TestDatabase, claimed: &Claimed, again: Result<Duration, DeadLetterReason>) {
    let undelivered = Undelivered {
        claimed: &[claimed],
        again,
        counts: true,
        class: "transient",
        code: "http_502",
        message: "the receiver answered 502 to request 17",
    };
    db.store.mark_undelivered(SHOP, &undelivered).await.unwrap();
}

/// A notification about pi_1 that was given up.
pub(crate) async fn given_up(db: &TestDatabase) -> (Claimed, DeadLetter) {
    write_occurrence(db, "evt_1", "pi_1").await;
    let claimed = claim(db).await.remove(0);
    fail(db, &claimed, Err(DeadLetterReason::Exhausted)).await;
    let filter = Filter { source: Some(DeadLetterSource::Notification), ..Filter::open() };
    let dead_letter = db.store.dead_letters(&filter, None, 10).await.unwrap().remove(0);
    (claimed, dead_letter)
}

/// A notification about an object that was given up, and nothing else that is pending.
pub(crate) async fn given_up_of(db: &TestDatabase, event: &str, object: &str) -> DeadLetterId {
    write_occurrence(db, event, object).await;
    let claimed = claim(db).await.remove(0);
    fail(db, &claimed, Err(DeadLetterReason::Exhausted)).await;
    let filter = Filter { source: Some(DeadLetterSource::Notification), ..Filter::open() };
    let dead_letters = db.store.dead_letters(&filter, None, 10).await.unwrap();
    dead_letters.iter().find(|dead_letter| dead_letter.notification == Some(claimed.id)).unwrap().id
}

async fn delivery(db: &TestDatabase) -> String {
    let row = db.json("quittance.outbox_deliveries", "true").await;
    row["state"].as_str().unwrap().to_owned()
}

async fn retry(db: &TestDatabase, id: DeadLetterId) -> &'static str {
    let retried = dead_letters::retry(&db.store, &queue(), &[id], Duration::ZERO, JANE).await;
    words(&retried.unwrap())[0]
}

#[tokio::test]
async fn a_delivery_that_is_given_up_is_a_dead_letter_and_one_that_is_tried_again_is_not() {
    let db = TestDatabase::migrated().await;
    write_occurrence(&db, "evt_1", "pi_1").await;
    let claimed = claim(&db).await.remove(0);
    fail(&db, &claimed, Ok(Duration::ZERO)).await;
    assert_eq!(db.count("quittance.dead_letters").await, 0);

    let again = db.store.claim(SHOP, 1, Duration::from_secs(600)).await.unwrap().remove(0);
    fail(&db, &claimed, Err(DeadLetterReason::Exhausted)).await;
    assert_eq!(db.count("quittance.dead_letters").await, 0, "that claim was over");
    fail(&db, &again, Err(DeadLetterReason::Exhausted)).await;
    let dead_letter = db.store.dead_letters(&Filter::open(), None, 10).await.unwrap().remove(0);
    assert_eq!(dead_letter.event_key, format!("{}@{SHOP}", claimed.id));
    assert_eq!((dead_letter.notification, &*dead_letter.endpoint), (Some(claimed.id), SHOP));
    assert_eq!(dead_letter.event_type.as_deref(), Some(&*claimed.topic));
    assert_eq!(
        (dead_letter.object_kind.as_deref(), dead_letter.object_id.as_deref()),
        (Some("payment_intent"), Some("pi_1"))
    );
    assert_eq!(
        (&*dead_letter.class, &*dead_letter.code, &*dead_letter.reason),
        ("transient", "http_502", "exhausted")
    );
    assert_eq!(dead_letter.cause, "the receiver answered … to request …");
    assert_eq!((dead_letter.attempts, dead_letter.deaths), (2, 1));

    let shown = dead_letters::show(&db.store, dead_letter.id, true).await.unwrap().unwrap();
    let payload = shown.dead_letter.payload.unwrap();
    assert_eq!(payload["id"], claimed.id.to_string(), "what it would have told is shown");
    let hidden = dead_letters::show(&db.store, dead_letter.id, false).await.unwrap().unwrap();
    assert!(hidden.payload_kept && hidden.dead_letter.payload.is_none());
}

#[tokio::test]
async fn a_retry_makes_the_delivery_due_and_its_arrival_resolves_the_dead_letter() {
    let db = TestDatabase::migrated().await;
    let (claimed, dead) = given_up(&db).await;
    assert_eq!(retry(&db, dead.id).await, "done");
    assert_eq!(delivery(&db).await, "pending");
    assert_eq!(dead_letter(&db, dead.id).await.state, DeadLetterState::Retrying);
    assert_eq!(retry(&db, dead.id).await, "moved", "it is due already");

    // In vain: the same dead letter, with both its lives.
    let again = db.store.claim(SHOP, 1, Duration::from_secs(600)).await.unwrap().remove(0);
    assert_eq!((again.id, again.attempts), (claimed.id, 0));
    fail(&db, &again, Err(DeadLetterReason::Permanent)).await;
    let died = dead_letter(&db, dead.id).await;
    assert_eq!((died.state, died.deaths, died.attempts), (DeadLetterState::Open, 2, 2));
    assert_eq!(db.count("quittance.dead_letters").await, 1);

    retry(&db, dead.id).await;
    db.store.mark_delivered(SHOP, &[claimed.id]).await.unwrap();
    let resolved = dead_letter(&db, dead.id).await;
    assert_eq!((resolved.state, resolved.retries), (DeadLetterState::Resolved, 2));
    assert_eq!(retry(&db, dead.id).await, "resolved");
}

#[tokio::test]
async fn a_discard_leaves_the_delivery_dead_and_can_be_undone() {
    let db = TestDatabase::migrated().await;
    let (_, dead) = given_up(&db).await;
    dead_letters::discard(&db.store, &[dead.id], JANE).await.unwrap();
    assert_eq!(delivery(&db).await, "dead");
    assert_eq!(words(&dead_letters::undo(&db.store, &[dead.id], JANE).await.unwrap()), ["done"]);
    assert_eq!(retry(&db, dead.id).await, "done");

    dead_letters::discard(&db.store, &[dead.id], JANE).await.unwrap();
    assert_eq!(words(&dead_letters::undo(&db.store, &[dead.id], JANE).await.unwrap()), ["settled"]);
}

#[tokio::test]
async fn a_retry_by_the_outbox_is_a_retry_of_the_dead_letter() {
    let db = TestDatabase::migrated().await;
    let (claimed, dead) = given_up(&db).await;
    assert_eq!(outbox::retry(&db.store, SHOP, &[], JANE).await.unwrap().retried, 1);
    let retrying = dead_letter(&db, dead.id).await;
    assert_eq!((retrying.state, retrying.retries), (DeadLetterState::Retrying, 1));
    db.store.mark_delivered(SHOP, &[claimed.id]).await.unwrap();
    assert_eq!(dead_letter(&db, dead.id).await.state, DeadLetterState::Resolved);
}

#[tokio::test]
async fn a_dead_letter_whose_notification_is_gone_says_so() {
    let db = TestDatabase::migrated().await;
    let (_, dead) = given_up(&db).await;
    db.execute("DELETE FROM quittance.outbox").await;
    assert_eq!(retry(&db, dead.id).await, "gone");
    assert_eq!(dead_letter(&db, dead.id).await.state, DeadLetterState::Open);
}
