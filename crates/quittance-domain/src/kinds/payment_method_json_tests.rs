//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn method(changes: Value) -> PaymentMethodObserved {
    let mut it = json!({
        "id": "pm_1", "object": "payment_method", "created": 1_700_000_000, "livemode": false,
        "customer": "cus_1", "metadata": {"wallet": "main"}, "type": "card",
        "billing_details": {"address": null, "email": "jenny@example.com",
                            "name": "Jenny Rosén", "phone": null, "tax_id": null},
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    serde_json::from_value(it).unwrap()
}

#[test]
fn a_card_says_its_brand_its_last_four_digits_and_its_expiry_and_nothing_personal() {
    let card = json!({"brand": "visa", "checks": null, "country": "US", "exp_month": 8,
                      "exp_year": 2034, "fingerprint": "AOB934RVNwzk6xtn",
                      "funding": "credit", "last4": "4242", "networks": null,
                      "three_d_secure_usage": null, "wallet": null});
    let it = method(json!({"card": card}));
    let card = it.card.as_ref().unwrap();
    assert_eq!((card.brand.as_deref(), it.last4()), (Some("visa"), Some("4242")));
    assert_eq!((card.exp_month, card.exp_year), (Some(8), Some(2034)));
    assert_eq!(it.status(), PaymentMethodStatus::Attached);
    let text = format!("{it:?}");
    for kept_out in ["jenny", "Jenny", "AOB934"] {
        assert!(!text.contains(kept_out), "{text}");
    }
}

#[test]
fn a_bank_account_says_its_last_four_digits() {
    let debit = json!({"bank_code": "1", "branch_code": null, "country": "DE",
                       "fingerprint": "x", "generated_from": null, "last4": "3000"});
    let it = method(json!({"type": "sepa_debit", "sepa_debit": debit}));
    assert_eq!((it.method_type.as_str(), it.last4()), ("sepa_debit", Some("3000")));
    assert_eq!(it.card, None);
}

#[test]
fn a_method_of_a_new_type_is_kept_under_its_name() {
    let it = method(json!({"type": "shells", "customer": null}));
    assert_eq!((it.method_type.as_str(), it.last4()), ("shells", None));
    assert_eq!(it.status(), PaymentMethodStatus::Detached);
}

#[test]
fn more_than_four_digits_are_not_kept() {
    let it = method(json!({"card": {"brand": "visa", "last4": "4242424242424242"}}));
    assert_eq!(it.last4(), None);
}
