//! What is really told holds to the published schema.

use quittance::domain::payment::Status;
use quittance::domain::refund;
use serde_json::{Value, json};

use super::catalogue::schema;
use super::schema_check::breaches;
use super::tell;
use crate::harness::TestDatabase;
use crate::store::given::{charge, observe, payment, refund};

async fn bodies(db: &TestDatabase) -> Vec<Value> {
    sqlx::query_scalar("SELECT quittance.outbox_body(o) FROM quittance.outbox AS o ORDER BY seq")
        .fetch_all(&db.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn every_row_that_is_written_holds_to_the_published_schema() {
    let db = TestDatabase::migrated().await;
    for (at, status) in (100..).zip([Status::RequiresAction, Status::Succeeded]) {
        observe(&db.store, "pi_1", at, payment(status)).await;
    }
    for (at, refunded) in (100..).zip([0, 300, 700]) {
        observe(&db.store, "ch_1", at, charge("pi_1", 1000, refunded)).await;
    }
    for (at, status) in (100..).zip([refund::Status::Succeeded, refund::Status::Failed]) {
        observe(&db.store, "re_1", at, refund(status)).await;
    }
    tell(&db, "evt_1", "pi_1").await;
    let bodies = bodies(&db).await;
    assert!(bodies.len() >= 7, "{bodies:?}");
    let schema = schema();
    let known: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    for body in &bodies {
        assert_eq!(breaches(&schema, body), Vec::<String>::new(), "{body}");
        let keys: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, known, "nothing is told that the schema does not explain");
    }
    // What was, of each: nothing at first sight, and then what was told last.
    for id in ["pi_1", "re_1"] {
        let mut last = Value::Null;
        let of = |body: &&Value| body["object"]["id"] == id && body["sort"] == "state";
        for body in bodies.iter().filter(of) {
            assert_eq!(body["before"], last);
            last = body["after"].clone();
        }
    }
}

#[tokio::test]
async fn the_check_finds_what_breaks_the_schema() {
    let db = TestDatabase::migrated().await;
    observe(&db.store, "pi_1", 100, payment(Status::Succeeded)).await;
    let good = bodies(&db).await.remove(0);
    for (pointer, bad) in [
        ("/id", json!("evt_1")),
        ("/v", json!(2)),
        ("/topic", json!("payment.unknown")),
        ("/sort", json!("rumour")),
        ("/occurred", json!(100)),
        ("/livemode", json!(null)),
        ("/object", json!({"kind": "payment_intent"})),
        ("/version", json!(0)),
        ("/version", json!(null)),
        ("/after", json!(null)),
        ("/data", json!([])),
    ] {
        let mut broken = good.clone();
        *broken.pointer_mut(pointer).unwrap() = bad;
        assert_ne!(breaches(&schema(), &broken), Vec::<String>::new(), "{pointer}");
    }
    for key in good.as_object().unwrap().keys() {
        let mut broken = good.clone();
        broken.as_object_mut().unwrap().remove(key);
        assert_ne!(breaches(&schema(), &broken), Vec::<String>::new(), "without {key}");
    }
}
