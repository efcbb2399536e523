//! One order of locks for everybody who writes a dead letter: first what it is about, then the dead letter.

use std::time::Duration;

use quittance::ops::{dead_letters, operations};
use quittance::store::dead_letter::{Act, DeadLetterId, DeadLetterState, Filter};
use quittance::store::operation::Cancelling;
use sqlx::AssertSqlSafe;
use tokio_util::sync::CancellationToken;

use super::notifications::{given_up, given_up_of};
use super::{GIVEN, JANE, dead_letter, execute, given, queue, words};
use crate::harness::{TestDatabase, eventually, within};

const DELIVERY: &str = "UPDATE quittance.outbox_deliveries SET due_at = due_at";
const EVENT: &str = "UPDATE quittance.events SET attempts = attempts";

/// Has the row that a dead letter is about, as who delivers or settles it; while an operator's act waits for
/// that, comes to the dead letter, too. Neither may end in a deadlock.
async fn beside<T>(
    db: &TestDatabase,
    first: &str,
    id: DeadLetterId,
    act: impl Future<Output = T>,
) -> T {
    let second = format!("UPDATE quittance.dead_letters SET updated_at = now() WHERE id = {id}");
    beside_statements(db, first, &second, act).await
}

/// Runs a statement in a transaction, waits until `act` waits for it, runs another one and commits.
async fn beside_statements<T>(
    db: &TestDatabase,
    first: &str,
    second: &str,
    act: impl Future<Output = T>,
) -> T {
    let mut other = db.connect().await;
    sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {first}"))).execute(&mut other).await.unwrap();
    let other_goes_on = async {
        eventually("the act waits for that row", async || {
            let waits =
                "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            db.count(waits).await > 0
        })
        .await;
        let second = format!("{second}; COMMIT");
        sqlx::raw_sql(AssertSqlSafe(second)).execute(&mut other).await.expect("no deadlock");
    };
    let (acted, ()) = within("both have ended", async { tokio::join!(act, other_goes_on) }).await;
    acted
}

#[tokio::test]
async fn a_retry_beside_a_delivery_of_the_same_notification_ends_in_no_deadlock() {
    let db = TestDatabase::migrated().await;
    let (_, dead) = given_up(&db).await;
    let (ids, queue) = ([dead.id], queue());
    let retry = dead_letters::retry(&db.store, &queue, &ids, Duration::ZERO, JANE);
    let results = beside(&db, DELIVERY, dead.id, retry).await.unwrap();
    assert_eq!(words(&results), ["done"]);
}

#[tokio::test]
async fn bulk_retries_of_the_same_objects_notifications_in_other_orders_end_in_no_deadlock() {
    let db = TestDatabase::migrated().await;
    // The rows of outbox_queues are locked in the order of their objects, whatever the dead letters' order.
    let later = given_up_of(&db, "evt_1", "pi_2").await;
    let earlier = given_up_of(&db, "evt_2", "pi_1").await;
    let first = given_up_of(&db, "evt_3", "pi_1").await;
    let second = given_up_of(&db, "evt_4", "pi_2").await;
    let act = |id: DeadLetterId| {
        format!(
            "SELECT * FROM quittance.act('retry', '{{{id}}}', '{{0}}', '{{0}}', NULL, 'joe', NULL)"
        )
    };
    let (ids, queue) = ([later, earlier], queue());
    let retry = dead_letters::retry(&db.store, &queue, &ids, Duration::ZERO, JANE);
    let results = beside_statements(&db, &act(first), &act(second), retry).await.unwrap();
    assert_eq!(words(&results), ["done", "done"]);
    assert_eq!(db.count("quittance.outbox_deliveries WHERE state = 'pending'").await, 4);
    assert_eq!(db.count("quittance.outbox_queues").await, 2);
}

#[tokio::test]
async fn an_undo_beside_the_settling_of_its_event_ends_in_no_deadlock() {
    let db = TestDatabase::migrated().await;
    let id = given(&db, "evt_1", GIVEN).await;
    dead_letters::discard(&db.store, &[id], JANE).await.unwrap();
    let ids = [id];
    let undo = dead_letters::undo(&db.store, &ids, JANE);
    let results = beside(&db, EVENT, id, undo).await.unwrap();
    assert_eq!(words(&results), ["done"]);
    assert_eq!(dead_letter(&db, id).await.state, DeadLetterState::Open);
}

#[tokio::test]
async fn retention_beside_a_delivery_of_the_same_notification_ends_in_no_deadlock() {
    let db = TestDatabase::migrated().await;
    let (_, dead) = given_up(&db).await;
    dead_letters::discard(&db.store, &[dead.id], JANE).await.unwrap();
    let old = "UPDATE quittance.dead_letters SET resolved_at = now() - interval '2 hours'";
    execute(&db, old.to_owned()).await;
    let hour = Duration::from_hours(1);
    let removal = db.store.remove_dead_letters(DeadLetterState::Discarded, hour, 10);
    beside(&db, DELIVERY, dead.id, removal).await.unwrap();
    assert_eq!(db.count("quittance.dead_letters").await, 0);
}

#[tokio::test]
async fn a_cancel_beside_a_delivery_of_what_it_takes_back_ends_in_no_deadlock() {
    let db = TestDatabase::migrated().await;
    let (_, dead) = given_up(&db).await;
    let (all, queue, never) = (Filter::open(), queue(), CancellationToken::new());
    let request = operations::Request {
        act: Act::Retry,
        selection: &all,
        over: Some(Duration::ZERO),
        agreed: None,
        actor: JANE,
    };
    let running = operations::begin(&db.store, &request).await.unwrap();
    let done = operations::run(&db.store, Some(&queue), running, |_| {}, &never).await.unwrap();
    let cancelling = operations::cancel(&db.store, done.id, JANE).await.unwrap().unwrap();
    let Cancelling::ByCaller(running) = cancelling else { panic!("{cancelling:?}") };
    let run = operations::run(&db.store, None, running, |_| {}, &never);
    let cancelled = beside(&db, DELIVERY, dead.id, run).await.unwrap();
    assert_eq!(cancelled.failed, 1, "{cancelled:?}");
    assert_eq!(dead_letter(&db, dead.id).await.state, DeadLetterState::Open);
}

/// Two acts that name the same dead letters in other orders than those of what they are about.
#[tokio::test]
async fn dead_letters_are_locked_after_all_that_they_are_about_and_in_one_order() {
    let db = TestDatabase::migrated().await;
    // The later dead letter is about the event that comes first.
    let later = given(&db, "evt_2", GIVEN).await;
    let first = given(&db, "evt_1", GIVEN).await;
    let ids = [later, first];
    let discard = dead_letters::discard(&db.store, &ids, JANE);
    // As quittance.settle: both events, then both dead letters, the other one first.
    let both = format!("{EVENT} WHERE id IN ('evt_1', 'evt_2')");
    let results = beside(&db, &both, first, discard).await.unwrap();
    assert_eq!(words(&results), ["done", "done"]);
}
