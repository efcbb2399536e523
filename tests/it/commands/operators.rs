//! Operators' decisions about dead commands, and the retention of commands.

use quittance::commands::{Decided, abandon_dead, retry_dead};
use serde_json::json;
use stripe_simulator::{Fault, FaultKind, Kind};
use uuid::Uuid;

use super::app::ApiApp;

/// A refund of which nobody knows what became, and which the program has given up.
async fn dead_refund(api: &ApiApp) -> (String, Uuid) {
    let paid = api.paid("order-1").await;
    api.app.settled().await;
    api.app.stripe().add_fault(Fault::once("POST /v1/refunds", FaultKind::ResetBefore));
    let body = json!({"payment_intent": paid.id(), "amount": 1500});
    assert_eq!(api.post("/v1/refunds", "return-1", body).await.status, 202);
    api.app
        .db
        .execute("UPDATE quittance.commands SET state = 'dead' WHERE kind = 'create_refund'")
        .await;
    let stored = api.stored().await.pop().unwrap();
    (paid.id().to_owned(), stored["id"].as_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_dead_refund_stays_reserved_until_an_operator_abandons_it() {
    let api = ApiApp::start().await;
    let (payment, id) = dead_refund(&api).await;
    let body = json!({"payment_intent": payment, "amount": 600});
    let reserved = api.post("/v1/refunds", "return-2", body.clone()).await;
    assert_eq!((reserved.status, reserved.code()), (422, "refund_exceeds_left"), "{reserved:?}");
    api.time_passes().await;
    assert_eq!(api.commands.finish_due().await, 0, "no process takes up what is dead");

    let store = &api.app.db.store;
    let done = abandon_dead(store, id, "ada", "not at Stripe").await.unwrap();
    assert_eq!(done, Decided::Done);
    assert_eq!(abandon_dead(store, id, "ada", "again").await.unwrap(), Decided::NotDead);
    let free = api.post("/v1/refunds", "return-2", body).await;
    assert_eq!(free.status, 200, "{free:?}");
    let old = json!({"payment_intent": payment, "amount": 1500});
    let old = api.post("/v1/refunds", "return-1", old).await;
    assert_eq!((old.status, old.code()), (409, "abandoned"));
    let noted = api.app.db.json("quittance.audit_log", "verb = 'command.abandon'").await;
    assert_eq!((&noted["actor"], &noted["reason"]), (&json!("ada"), &json!("not at Stripe")));
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_dead_command_that_is_retried_is_finished_once() {
    let api = ApiApp::start().await;
    let (_, id) = dead_refund(&api).await;
    assert_eq!(retry_dead(&api.app.db.store, id, "ada", None).await.unwrap(), Decided::Done);
    api.finish().await;
    assert_eq!(api.stored().await.pop().unwrap()["state"], "done");
    assert_eq!(api.at_stripe(Kind::Refund).len(), 1);
    let noted = api.app.db.json("quittance.audit_log", "verb = 'command.retry'").await;
    assert_eq!(noted["actor"], "ada");
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn an_old_command_is_removed_unless_its_purchase_has_a_reference() {
    let api = ApiApp::start().await;
    api.pay("order-1", json!({})).await;
    api.pay("order-2", json!({"reference": "order-2"})).await;
    api.app.db.execute("UPDATE quittance.commands SET created_at = now() - interval '31 d'").await;
    let age = api.app.settings.api.keep_keys;
    assert_eq!(api.app.db.store.prune_commands(age, 100).await.unwrap(), 1);
    let left = api.stored().await;
    assert_eq!((left.len(), &left[0]["reference"]), (1, &json!("order-2")));
    api.app.settled().await;
    api.stop().await;
}
