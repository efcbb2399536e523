//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn charge(changes: Value) -> ChargeObserved {
    let mut it = json!({
        "id": "ch_1", "object": "charge", "amount": 1099, "amount_captured": 1099,
        "amount_refunded": 0, "billing_details": {}, "captured": true,
        "created": 1_700_000_000, "currency": "eur", "disputed": false, "livemode": false,
        "metadata": {}, "paid": true, "refunded": false, "status": "succeeded",
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    serde_json::from_value(it).unwrap()
}

fn failed(outcome: Value) -> ChargeObserved {
    let it = charge(json!({
        "status": "failed", "captured": false, "amount_captured": 0, "paid": false,
        "failure_code": "card_declined", "failure_message": "Your card was declined.",
        "outcome": outcome,
    }));
    assert_eq!(it.status, ChargeStatus::Failed);
    it
}

#[test]
fn the_bank_s_reason_is_the_decline_code() {
    let outcome = json!({
        "type": "issuer_declined", "network_status": "declined_by_network",
        "reason": "insufficient_funds",
    });
    let it = failed(outcome);
    assert_eq!(it.failure_code.as_deref(), Some("card_declined"));
    assert_eq!(it.decline_code(), Some("insufficient_funds"));
}

#[test]
fn radar_s_reason_is_no_decline_code() {
    let outcome = json!({"type": "blocked", "reason": "highest_risk_level"});
    assert_eq!(failed(outcome).decline_code(), None);
}

#[test]
fn a_charge_that_went_well_has_no_failure_whatever_its_outcome_says() {
    let it = charge(json!({"outcome": {"type": "authorized", "reason": "elevated_risk_level"}}));
    assert_eq!((it.decline_code(), it.failure_code.as_deref()), (None, None));
    assert_eq!(it.outcome.unwrap().kind.as_deref(), Some("authorized"));
}

#[test]
fn a_partial_refund_keeps_both_amounts() {
    let it = charge(json!({"amount_refunded": 300, "refunded": false}));
    assert_eq!((it.amount, it.amount_captured, it.amount_refunded), (1099, 1099, 300));
    assert!(!it.refunded && it.captured);
}

#[test]
fn ids_are_found_whether_expanded_or_not() {
    let it = charge(json!({
        "payment_intent": "pi_1", "customer": "cus_1", "balance_transaction": "txn_1",
        "transfer_data": {"destination": "acct_1", "amount": null},
        "application_fee_amount": 12,
    }));
    assert_eq!(it.payment_intent.unwrap().as_str(), "pi_1");
    assert_eq!(it.customer.as_deref(), Some("cus_1"));
    assert_eq!(it.balance_transaction.as_deref(), Some("txn_1"));
    assert_eq!(it.transfer_destination.unwrap().as_str(), "acct_1");
    assert_eq!(it.application_fee_amount, Some(12));

    let expanded = json!({"transfer_data": {
        "amount": null, "destination": {"id": "acct_1", "object": "account"},
    }});
    assert_eq!(charge(expanded).transfer_destination.unwrap().as_str(), "acct_1");
}
