//! Order of the notifications of an object, retries and dead letters.

use axum::http::StatusCode;
use quittance::store::dead_letter::Actor;

use super::{Receiver, Running, settings, until, write_occurrence};
use crate::harness::TestDatabase;

const PENDING: &str = "SELECT count(*) FROM quittance.outbox AS o WHERE NOT EXISTS (
    SELECT FROM quittance.outbox_deliveries AS d WHERE d.id = o.id AND d.state <> 'pending')";

#[tokio::test]
async fn a_failing_notification_delays_its_own_object_only() {
    let db = TestDatabase::migrated().await;
    // The first of pi_1 fails until all of pi_2 have come.
    let receiver = Receiver::answering(|json, before| {
        let others = before.iter().filter(|post| post.json["object"]["id"] == "pi_2").count();
        if json["cause"] == "evt_1" && others < 3 {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::OK
        }
    })
    .await;
    for (event, object) in [("evt_1", "pi_1"), ("evt_2", "pi_1"), ("evt_3", "pi_1")] {
        write_occurrence(&db, event, object).await;
    }
    for event in ["evt_4", "evt_5", "evt_6"] {
        write_occurrence(&db, event, "pi_2").await;
    }
    let mut settings = settings(&receiver.url);
    settings.outbox.max_attempts = 1_000_000;
    let relay = Running::start(&db.store, &settings);
    until(&db, PENDING, 0).await;
    relay.stop().await;
    let taken = receiver.taken();
    let of = |events: [&str; 3]| {
        let only = taken.iter().filter(|taken| events.contains(&taken.as_str()));
        only.cloned().collect::<Vec<_>>()
    };
    assert_eq!(of(["evt_1", "evt_2", "evt_3"]), ["evt_1", "evt_2", "evt_3"]);
    assert_eq!(of(["evt_4", "evt_5", "evt_6"]), ["evt_4", "evt_5", "evt_6"]);
    assert!(receiver.posts().len() > 6, "something was refused on the way");
}

#[tokio::test]
async fn a_dead_lettered_notification_unblocks_the_next_one_and_can_be_retried() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::answering(|json, before| {
        let refused = before.iter().filter(|post| post.cause() == "evt_1").count();
        if json["cause"] == "evt_1" && refused < 2 {
            StatusCode::BAD_GATEWAY
        } else {
            StatusCode::OK
        }
    })
    .await;
    let mut settings = settings(&receiver.url);
    settings.outbox.max_attempts = 2;
    for event in ["evt_1", "evt_2"] {
        write_occurrence(&db, event, "pi_1").await;
    }
    let relay = Running::start(&db.store, &settings);
    until(&db, PENDING, 0).await;
    assert_eq!(receiver.taken(), ["evt_2"]);
    let dead = db.store.dead_deliveries(Some("http:default"), 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].attempts, dead[0].code.as_deref()), (2, Some("status_502")));
    let state = db.store.destinations().await.unwrap().remove(0);
    assert_eq!((state.behind, state.pending, state.dead), (0, 0, 1));

    let actor = Actor { name: "ann", reason: Some("mended") };
    let revived =
        db.store.revive_deliveries("http:default", &[dead[0].id], 0, 10, actor).await.unwrap();
    assert_eq!((revived.count, revived.named), (1, vec![dead[0].id]));
    receiver.until(4).await;
    relay.stop().await;
    assert_eq!(receiver.taken(), ["evt_2", "evt_1"]);
    assert_eq!(db.json("quittance.audit_log", "true").await["actor"], "ann");
}

#[tokio::test]
async fn a_429_costs_no_attempt() {
    let db = TestDatabase::migrated().await;
    let receiver = Receiver::answering(|_, before| {
        if before.len() < 3 { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK }
    })
    .await;
    let mut settings = settings(&receiver.url);
    settings.outbox.max_attempts = 1;
    write_occurrence(&db, "evt_1", "pi_1").await;
    let relay = Running::start(&db.store, &settings);
    until(&db, PENDING, 0).await;
    relay.stop().await;
    assert_eq!(receiver.taken(), ["evt_1"]);
}
