//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn payout(changes: Value) -> Result<PayoutObserved, serde_json::Error> {
    let mut it = json!({
        "id": "po_1", "object": "payout", "amount": 1100, "arrival_date": 1_700_100_000,
        "automatic": true, "balance_transaction": "txn_1", "created": 1_700_000_000,
        "currency": "eur", "destination": "ba_1", "livemode": false, "metadata": {},
        "method": "standard", "reconciliation_status": "completed", "source_type": "card",
        "status": "paid", "type": "bank_account",
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    serde_json::from_value(it)
}

#[test]
fn a_payout_says_where_it_goes_and_when_it_arrives() {
    let it = payout(json!({})).unwrap();
    assert_eq!(it.status, PayoutStatus::Paid);
    assert_eq!((it.amount, it.arrival_date), (1100, 1_700_100_000));
    assert_eq!(it.destination.as_deref(), Some("ba_1"));
    assert_eq!(it.destination_type, "bank_account");
    assert_eq!(it.balance_transaction.as_deref(), Some("txn_1"));
}

#[test]
fn a_failed_payout_says_why() {
    let changes = json!({
        "status": "failed", "failure_code": "account_closed",
        "failure_message": "The bank account has been closed.",
    });
    let it = payout(changes).unwrap();
    assert_eq!(it.status, PayoutStatus::Failed);
    assert_eq!(it.failure_code.as_deref(), Some("account_closed"));
    assert_eq!(it.failure_message.as_deref(), Some("The bank account has been closed."));
}
