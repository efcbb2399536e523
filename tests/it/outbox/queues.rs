//! The queues that a relay claims, one for each object: whatever happens beside it, none is forgotten.

use std::time::Duration;

use quittance::config::Start;
use quittance::store::dead_letter::Actor;
use quittance::store::outbox::{Claimed, Undelivered};
use sqlx::{Connection as _, PgConnection};

use super::{tell, until};
use crate::harness::{TestDatabase, eventually, within};

const SHOP: &str = "http:shop";
const LEASE: Duration = Duration::from_secs(600);

/// Tells of `objects` and hands all of it out.
async fn handed_out(objects: &[&str]) -> TestDatabase {
    let db = TestDatabase::migrated().await;
    db.store.open_destination(SHOP, Start::Beginning).await.unwrap();
    for (n, object) in objects.iter().enumerate() {
        tell(&db, &format!("evt_{n}"), object).await;
    }
    hand_out(&db, objects.len()).await;
    db
}

async fn hand_out(db: &TestDatabase, count: usize) {
    let mut passed = 0;
    eventually("all of it is handed out", async || {
        passed += usize::try_from(db.store.hand_out(SHOP, &[], 100).await.unwrap()).unwrap();
        passed == count
    })
    .await;
}

async fn claim(db: &TestDatabase) -> Vec<Claimed> {
    db.store.claim(SHOP, 100, LEASE).await.unwrap()
}

/// The events that the claimed ones are about.
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
async fn someone_waits(db: &TestDatabase) {
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("another session waits", async || db.number(waits).await > 0).await;
}

#[tokio::test]
async fn what_marks_one_makes_the_next_of_its_object_claimable() {
    let db = handed_out(&["pi_1", "pi_1", "pi_2", "pi_1"]).await;
    let mut claimed = claim(&db).await;
    assert_eq!(causes(&claimed), ["evt_0", "evt_2"]);
    assert_eq!(claim(&db).await, [], "each object is claimed once");
    for expected in ["evt_1", "evt_3"] {
        db.store.mark_delivered(SHOP, &[claimed[0].id]).await.unwrap();
        claimed = claim(&db).await;
        assert_eq!(causes(&claimed), [expected]);
    }
    db.store.mark_delivered(SHOP, &[claimed[0].id]).await.unwrap();
    assert_eq!(db.count("quittance.outbox_queues").await, 1, "pi_2 is on its way");
}

#[tokio::test]
async fn one_that_is_handed_out_while_the_one_before_it_is_marked_is_not_forgotten() {
    let db = handed_out(&["pi_1"]).await;
    assert_eq!(claim(&db).await.len(), 1);
    tell(&db, "evt_9", "pi_1").await;
    // Marked, and not committed yet.
    let mut other = db.connect().await;
    let mut marking = other.begin().await.unwrap();
    mark(&mut marking).await;
    let store = db.store.clone();
    let handing_out = tokio::spawn(async move {
        loop {
            if store.hand_out(SHOP, &[], 100).await.unwrap() > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    // The marking transaction has a number, and evt_9 came before it: so it can be handed out now.
    someone_waits(&db).await;
    marking.commit().await.unwrap();
    within("it is handed out", handing_out).await.unwrap();
    assert_eq!(causes(&claim(&db).await), ["evt_9"]);
}

#[tokio::test]
async fn one_that_is_marked_while_the_one_after_it_is_handed_out_is_followed_by_it() {
    let db = handed_out(&["pi_1"]).await;
    let first = claim(&db).await.remove(0);
    tell(&db, "evt_9", "pi_1").await;
    until(&db, "SELECT count(*) FROM quittance.outbox_after('', 100)", 2).await;
    let mut other = db.connect().await;
    let mut handing_out = other.begin().await.unwrap();
    sqlx::query("SELECT quittance.outbox_hand_out('http:shop', '{}', 100, 1000)")
        .execute(&mut *handing_out)
        .await
        .unwrap();
    let store = db.store.clone();
    let marking = tokio::spawn(async move { store.mark_delivered(SHOP, &[first.id]).await });
    someone_waits(&db).await;
    handing_out.commit().await.unwrap();
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
async fn one_that_failed_is_due_when_it_says_and_those_behind_it_wait() {
    let db = handed_out(&["pi_1", "pi_1"]).await;
    let first = claim(&db).await.remove(0);
    fails(&db, &first, Duration::from_secs(3600)).await;
    assert_eq!(claim(&db).await, []);
    db.execute("UPDATE quittance.outbox_deliveries SET due_at = now() WHERE attempts = 1").await;
    let again = claim(&db).await;
    assert_eq!((causes(&again), again[0].attempts), (vec!["evt_0".to_owned()], 1));
}

#[tokio::test]
async fn a_late_answer_to_an_earlier_claim_changes_nothing() {
    let db = handed_out(&["pi_1"]).await;
    let late = db.store.claim(SHOP, 1, Duration::ZERO).await.unwrap().remove(0);
    let current = claim(&db).await.remove(0);
    assert_ne!(late.claim, current.claim);
    fails(&db, &late, Duration::ZERO).await;
    db.store.give_back(SHOP, &[late]).await.unwrap();
    assert_eq!(claim(&db).await, [], "the current claim holds");
    fails(&db, &current, Duration::ZERO).await;
    assert_eq!(claim(&db).await[0].attempts, 1);
}

#[tokio::test]
async fn what_is_given_back_can_be_claimed_at_once_and_has_cost_no_attempt() {
    let db = handed_out(&["pi_1", "pi_2"]).await;
    let claimed = claim(&db).await;
    db.store.give_back(SHOP, &claimed).await.unwrap();
    let again = claim(&db).await;
    assert_eq!(causes(&again), causes(&claimed));
    assert!(again.iter().all(|one| one.attempts == 0));
}

#[tokio::test]
async fn a_pending_one_that_is_deleted_by_hand_makes_way() {
    let db = handed_out(&["pi_1", "pi_1"]).await;
    db.execute("DELETE FROM quittance.outbox WHERE cause = 'evt_0'").await;
    assert_eq!(causes(&claim(&db).await), ["evt_1"]);
    db.execute("DELETE FROM quittance.outbox WHERE cause = 'evt_1'").await;
    assert_eq!(db.count("quittance.outbox_queues").await, 0);
}

#[tokio::test]
async fn a_destination_that_is_removed_while_one_of_its_notifications_is_marked_leaves_no_queue() {
    let db = handed_out(&["pi_1", "pi_1"]).await;
    assert_eq!(claim(&db).await.len(), 1);
    // Marked, and not committed yet: the queue's head is moving to the second one.
    let mut other = db.connect().await;
    let mut marking = other.begin().await.unwrap();
    mark(&mut marking).await;
    let store = db.store.clone();
    let actor = Actor { name: "ada", reason: None };
    let removing =
        tokio::spawn(async move { store.remove_deliveries(SHOP, None, 100, actor).await });
    someone_waits(&db).await;
    marking.commit().await.unwrap();
    within("its deliveries are removed", removing).await.unwrap().unwrap();
    assert_eq!(db.count("quittance.outbox_queues").await, 0, "a head that is gone");
}
