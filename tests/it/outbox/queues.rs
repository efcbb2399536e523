//! The queues that a relay claims, one for each object, under concurrent changes.

use std::time::Duration;

use quittance::config::Start;
use quittance::store::dead_letter::Actor;
use quittance::store::outbox::{Claimed, Undelivered};
use sqlx::{Connection as _, PgConnection};

use super::{until, write_occurrence};
use crate::harness::{TestDatabase, eventually, within};

const SHOP: &str = "http:shop";
const LEASE: Duration = Duration::from_secs(600);

/// Writes an occurrence about each of `objects` and fans them out.
async fn fanned_out(objects: &[&str]) -> TestDatabase {
    let db = TestDatabase::migrated().await;
    db.store.open_destination(SHOP, Start::Beginning).await.unwrap();
    for (n, object) in objects.iter().enumerate() {
        write_occurrence(&db, &format!("evt_{n}"), object).await;
    }
    fan_out(&db, objects.len()).await;
    db
}

async fn fan_out(db: &TestDatabase, count: usize) {
    let mut passed = 0;
    eventually("all are fanned out", async || {
        passed += usize::try_from(db.store.fan_out(SHOP, &[], 100).await.unwrap()).unwrap();
        passed == count
    })
    .await;
}

async fn claim(db: &TestDatabase) -> Vec<Claimed> {
    db.store.claim(SHOP, 100, LEASE).await.unwrap()
}

/// The causes of claimed notifications.
fn causes(claimed: &[Claimed]) -> Vec<String> {
    let cause = |one: &Claimed| {
        let body: serde_json::Value = serde_json::from_str(&one.body).unwrap();
        body["cause"].as_str().unwrap().to_owned()
    };
    claimed.iter().map(cause).collect()
}

async fn fails(db: &TestDatabase, claimed: &Claimed, again: Duration) {
    let undelivered = Undelivered {
        claimed: &[claimed],
        again: Ok(again),
        counts: true,
        class: "transient",
        code: "status_500",
        message: "the receiver answered 500",
    };
    db.store.mark_undelivered(SHOP, &undelivered).await.unwrap();
}

/// Waits until another session waits for a lock of this database.
async fn until_a_session_waits(db: &TestDatabase) {
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("another session waits", async || db.number(waits).await > 0).await;
}

#[tokio::test]
async fn marking_a_delivery_makes_the_next_one_of_its_object_claimable() {
    let db = fanned_out(&["pi_1", "pi_1", "pi_2", "pi_1"]).await;
    let mut claimed = claim(&db).await;
    assert_eq!(causes(&claimed), ["evt_0", "evt_2"]);
    assert_eq!(claim(&db).await, [], "each object is claimed once");
    for expected in ["evt_1", "evt_3"] {
        db.store.mark_delivered(SHOP, &[claimed[0].id]).await.unwrap();
        claimed = claim(&db).await;
        assert_eq!(causes(&claimed), [expected]);
    }
    db.store.mark_delivered(SHOP, &[claimed[0].id]).await.unwrap();
    assert_eq!(db.count("quittance.outbox_queues").await, 1, "pi_2 is in flight");
}

#[tokio::test]
async fn a_delivery_fanned_out_while_the_previous_one_is_marked_becomes_claimable() {
    let db = fanned_out(&["pi_1"]).await;
    assert_eq!(claim(&db).await.len(), 1);
    write_occurrence(&db, "evt_9", "pi_1").await;
    // Marked, and not committed yet.
    let mut other = db.connect().await;
    let mut marking = other.begin().await.unwrap();
    mark(&mut marking).await;
    let store = db.store.clone();
    let fanning_out = tokio::spawn(async move {
        loop {
            if store.fan_out(SHOP, &[], 100).await.unwrap() > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    // The marking transaction has a number, and evt_9 came before it: so it can be fanned out now.
    until_a_session_waits(&db).await;
    marking.commit().await.unwrap();
    within("it is fanned out", fanning_out).await.unwrap();
    assert_eq!(causes(&claim(&db).await), ["evt_9"]);
}

#[tokio::test]
async fn a_delivery_marked_while_the_next_one_is_fanned_out_makes_it_claimable() {
    let db = fanned_out(&["pi_1"]).await;
    let first = claim(&db).await.remove(0);
    write_occurrence(&db, "evt_9", "pi_1").await;
    until(&db, "SELECT count(*) FROM quittance.outbox_after('', 100)", 2).await;
    let mut other = db.connect().await;
    let mut fanning_out = other.begin().await.unwrap();
    sqlx::query("SELECT quittance.outbox_fan_out('http:shop', '{}', 100, 1000)")
        .execute(&mut *fanning_out)
        .await
        .unwrap();
    let store = db.store.clone();
    let marking = tokio::spawn(async move { store.mark_delivered(SHOP, &[first.id]).await });
    until_a_session_waits(&db).await;
    fanning_out.commit().await.unwrap();
    within("it is marked", marking).await.unwrap().unwrap();
    assert_eq!(causes(&claim(&db).await), ["evt_9"]);
}

async fn mark(connection: &mut PgConnection) {
    sqlx::query("UPDATE quittance.outbox_deliveries SET state = 'delivered', ended_at = now()")
        .execute(connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_failed_delivery_is_due_after_its_delay_and_later_ones_of_its_object_wait() {
    let db = fanned_out(&["pi_1", "pi_1"]).await;
    let first = claim(&db).await.remove(0);
    fails(&db, &first, Duration::from_secs(3600)).await;
    assert_eq!(claim(&db).await, []);
    db.execute("UPDATE quittance.outbox_deliveries SET due_at = now() WHERE attempts = 1").await;
    let again = claim(&db).await;
    assert_eq!((causes(&again), again[0].attempts), (vec!["evt_0".to_owned()], 1));
}

#[tokio::test]
async fn a_late_outcome_of_an_earlier_claim_changes_nothing() {
    let db = fanned_out(&["pi_1"]).await;
    let late = db.store.claim(SHOP, 1, Duration::ZERO).await.unwrap().remove(0);
    let current = claim(&db).await.remove(0);
    assert_ne!(late.claim, current.claim);
    fails(&db, &late, Duration::ZERO).await;
    db.store.release_claims(SHOP, &[late]).await.unwrap();
    assert_eq!(claim(&db).await, [], "the current claim holds");
    fails(&db, &current, Duration::ZERO).await;
    assert_eq!(claim(&db).await[0].attempts, 1);
}

#[tokio::test]
async fn a_released_claim_can_be_claimed_at_once_and_costs_no_attempt() {
    let db = fanned_out(&["pi_1", "pi_2"]).await;
    let claimed = claim(&db).await;
    db.store.release_claims(SHOP, &claimed).await.unwrap();
    let again = claim(&db).await;
    assert_eq!(causes(&again), causes(&claimed));
    assert!(again.iter().all(|one| one.attempts == 0));
}

#[tokio::test]
async fn deleting_a_pending_notification_by_hand_unblocks_its_queue() {
    let db = fanned_out(&["pi_1", "pi_1"]).await;
    db.execute("DELETE FROM quittance.outbox WHERE cause = 'evt_0'").await;
    assert_eq!(causes(&claim(&db).await), ["evt_1"]);
    db.execute("DELETE FROM quittance.outbox WHERE cause = 'evt_1'").await;
    assert_eq!(db.count("quittance.outbox_queues").await, 0);
}

#[tokio::test]
async fn a_destination_that_is_removed_while_one_of_its_notifications_is_marked_leaves_no_queue() {
    let db = fanned_out(&["pi_1", "pi_1"]).await;
    assert_eq!(claim(&db).await.len(), 1);
    // Marked, and not committed yet: the queue's head is moving to the second one.
    let mut other = db.connect().await;
    let mut marking = other.begin().await.unwrap();
    mark(&mut marking).await;
    let store = db.store.clone();
    let actor = Actor { name: "ada", reason: None };
    let removing =
        tokio::spawn(async move { store.remove_deliveries(SHOP, None, 100, actor).await });
    until_a_session_waits(&db).await;
    marking.commit().await.unwrap();
    within("its deliveries are removed", removing).await.unwrap().unwrap();
    assert_eq!(db.count("quittance.outbox_queues").await, 0, "no head without a delivery");
}
