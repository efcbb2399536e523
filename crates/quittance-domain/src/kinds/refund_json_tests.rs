//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn refund(changes: Value) -> Result<RefundObserved, serde_json::Error> {
    let mut it = json!({
        "id": "re_1", "object": "refund", "amount": 300, "charge": "ch_1",
        "created": 1_700_000_000, "currency": "eur", "metadata": {}, "payment_intent": "pi_1",
        "reason": "requested_by_customer", "status": "succeeded",
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    serde_json::from_value(it)
}

#[test]
fn a_refund_names_its_charge_and_its_payment() {
    let it = refund(json!({})).unwrap();
    assert_eq!(it.charge.unwrap().as_str(), "ch_1");
    assert_eq!(it.payment_intent.unwrap().as_str(), "pi_1");
    assert_eq!(it.reason.as_deref(), Some("requested_by_customer"));
    assert_eq!(it.amount, 300);
}

#[test]
fn a_failed_refund_says_why() {
    let changes = json!({"status": "failed", "failure_reason": "lost_or_stolen_card"});
    let it = refund(changes).unwrap();
    assert_eq!(it.status, RefundStatus::Failed);
    assert_eq!(it.failure_reason.as_deref(), Some("lost_or_stolen_card"));
}

#[test]
fn a_refund_of_old_without_a_status_has_succeeded() {
    assert_eq!(refund(json!({"status": null})).unwrap().status, RefundStatus::Succeeded);
}

#[test]
fn a_refund_without_metadata_has_none() {
    assert_eq!(refund(json!({"metadata": null})).unwrap().metadata, vec![]);
}
