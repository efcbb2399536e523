//! Pruning of the outbox, and removal of destinations.

use std::time::Duration;

use quittance::config::Start;
use quittance::ops::outbox::{OutboxError, remove};
use quittance::store::dead_letter::Actor;

use super::{Receiver, Running, settings, until, write_occurrence};
use crate::dead_letters::notifications::{SHOP, given_up};
use crate::harness::{TestDatabase, eventually};

const DELIVERED: &str =
    "SELECT count(*) FROM quittance.outbox_deliveries WHERE state = 'delivered'";

/// Makes a pruning pass in pages of `page` rows; returns how many rows it removed.
async fn pass(db: &TestDatabase, retention: Duration, page: i64) -> u64 {
    let (mut cursor, mut removed) = (Some(String::new()), 0);
    while let Some(after) = cursor {
        let pruned = db.store.prune_outbox(&after, retention, page).await.unwrap();
        removed += pruned.removed;
        cursor = pruned.next;
    }
    removed
}

#[tokio::test]
async fn delivered_rows_are_pruned_after_the_retention_and_undelivered_ones_stay() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::start().await;
    let settings = settings(&receiver.url);
    write_occurrence(&db, "evt_delivered", "pi_1").await;
    let relay = Running::start(&db.store, &settings);
    until(&db, DELIVERED, 1).await;
    relay.stop().await;
    write_occurrence(&db, "evt_waits", "pi_1").await;

    assert_eq!(pass(&db, Duration::from_secs(3600), 10).await, 0, "too young");
    eventually("it goes", async || pass(&db, Duration::ZERO, 10).await > 0).await;
    assert_eq!(pass(&db, Duration::ZERO, 10).await, 0);
    assert_eq!(db.json("quittance.outbox", "true").await["cause"], "evt_waits");
    assert_eq!(db.count("quittance.outbox_deliveries").await, 0);
}

#[tokio::test]
async fn undeliverable_rows_do_not_stop_the_pruning_of_delivered_ones() {
    let db = TestDatabase::migrated().await;
    for n in 0..25 {
        write_occurrence(&db, &format!("evt_{n:02}"), &format!("pi_{n}")).await;
    }
    db.store.open_destination(SHOP, Start::Beginning).await.unwrap();
    let mut fanned_out = 0;
    eventually("all are fanned out", async || {
        fanned_out += db.store.fan_out(SHOP, &[], 100).await.unwrap();
        fanned_out == 25
    })
    .await;
    // All but the youngest were given up.
    db.execute(
        "UPDATE quittance.outbox_deliveries AS d
         SET state = CASE WHEN o.cause = 'evt_24' THEN 'delivered' ELSE 'dead' END, ended_at = now()
         FROM quittance.outbox AS o WHERE o.id = d.id",
    )
    .await;
    eventually("the youngest goes", async || pass(&db, Duration::ZERO, 1).await == 1).await;
    assert_eq!(db.count("quittance.outbox").await, 24);
    assert_eq!(pass(&db, Duration::ZERO, 1).await, 0);
}

#[tokio::test]
async fn rows_undelivered_to_a_destination_of_another_worker_stay_until_it_is_removed() {
    let db = TestDatabase::migrated().await;
    given_up(&db).await;
    write_occurrence(&db, "evt_2", "pi_2").await;
    // No relay of this process knows this destination.
    db.store.open_destination("http:elsewhere", Start::Beginning).await.unwrap();
    assert_eq!(pass(&db, Duration::ZERO, 10).await, 0);

    let actor = Actor { name: "ann", reason: Some("the shop moved") };
    assert_eq!(remove(&db.store, SHOP, actor).await.unwrap(), 1);
    assert_eq!(pass(&db, Duration::ZERO, 10).await, 0, "the other one is still there");
    assert_eq!(db.json("quittance.dead_letters", "true").await["state"], "discarded");
    remove(&db.store, "http:elsewhere", actor).await.unwrap();
    eventually("both go", async || {
        pass(&db, Duration::ZERO, 10).await;
        db.count("quittance.outbox").await == 0
    })
    .await;
    for table in ["outbox_deliveries", "outbox_queues", "outbox_destinations"] {
        assert_eq!(db.count(&format!("quittance.{table}")).await, 0, "{table}");
    }
    let noted = db.json("quittance.audit_log", "target = 'outbox:http:shop'").await;
    assert_eq!((&noted["verb"], &noted["actor"]), (&"outbox.remove".into(), &"ann".into()));
    let again = remove(&db.store, SHOP, actor).await;
    assert!(matches!(again, Err(OutboxError::NoSuchDestination { .. })), "{again:?}");
}
