//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn account(changes: Value) -> Result<AccountSeen, serde_json::Error> {
    let mut it = json!({
        "id": "acct_1", "object": "account", "charges_enabled": true, "payouts_enabled": false,
        "details_submitted": true, "country": "DE", "default_currency": "eur",
        "created": 1_700_000_000, "type": "express", "metadata": {"shop": "7"},
        "capabilities": {"card_payments": "active", "transfers": "inactive"},
        "requirements": {
            "currently_due": ["external_account"], "past_due": ["external_account"],
            "disabled_reason": "requirements.past_due", "current_deadline": 1_700_100_000,
        },
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    serde_json::from_value(it)
}

#[test]
fn an_account_says_what_works_and_what_is_due() {
    let it = account(json!({})).unwrap();
    assert!(it.charges_enabled && !it.payouts_enabled && it.details_submitted);
    assert_eq!(it.requirements.past_due, ["external_account"]);
    assert_eq!(it.requirements.disabled_reason.as_deref(), Some("requirements.past_due"));
    assert_eq!(it.requirements.current_deadline, Some(1_700_100_000));
    assert_eq!(it.capabilities.card_payments.as_ref().unwrap().status, CapabilityStatus::Active);
    assert_eq!(it.account_type.as_deref(), Some("express"));
    assert!(it.lacks_reasons());
}

#[test]
fn a_capability_says_what_it_lacks() {
    let mut it = account(json!({})).unwrap();
    let transfers = serde_json::from_value(json!({
        "id": "transfers", "object": "capability", "account": "acct_1", "requested": true,
        "status": "inactive", "requirements": {
            "currently_due": ["company.tax_id"], "past_due": [], "errors": [],
            "eventually_due": [], "pending_verification": [],
            "disabled_reason": "requirements.fields_needed", "current_deadline": 9,
        },
    }));
    it.add_reasons(vec![transfers.unwrap()]);
    let needed = it.capabilities.transfers.unwrap().requirements;
    assert_eq!(needed.currently_due, ["company.tax_id"]);
    assert_eq!(needed.disabled_reason.as_deref(), Some("requirements.fields_needed"));
    assert_eq!(needed.current_deadline, Some(9));
}

#[test]
fn what_was_not_asked_for_is_not_there() {
    let it = account(json!({"capabilities": {"transfers": "active"}})).unwrap();
    assert_eq!(it.capabilities.card_payments, None);
    assert!(!it.lacks_reasons());
    assert_eq!(account(json!({"capabilities": null})).unwrap().capabilities.transfers, None);
}

#[test]
fn a_new_status_of_a_capability_is_kept_as_it_is() {
    let it = account(json!({"capabilities": {"transfers": "asleep"}})).unwrap();
    let transfers = it.capabilities.transfers.as_ref().unwrap();
    assert_eq!(transfers.status.as_str(), "asleep");
    assert!(it.lacks_reasons());
}
