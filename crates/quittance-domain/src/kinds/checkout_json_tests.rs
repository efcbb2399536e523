//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn session(changes: Value) -> Result<CheckoutObserved, serde_json::Error> {
    let mut it = json!({
        "id": "cs_test_1", "object": "checkout.session", "created": 1_700_000_000,
        "expires_at": 1_700_086_400, "livemode": false, "mode": "payment", "metadata": {},
        "payment_method_types": ["card"], "payment_status": "unpaid", "status": "open",
        "automatic_tax": {"enabled": false, "liability": null, "provider": null,
                          "status": null},
        "custom_fields": [], "shipping_options": [],
        "custom_text": {"after_submit": null, "shipping_address": null, "submit": null,
                        "terms_of_service_acceptance": null},
        "client_reference_id": "cart-9", "amount_total": 1099, "currency": "eur",
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    serde_json::from_value(it)
}

#[test]
fn both_fields_of_the_state_are_read() {
    for (status, payment, expected) in [
        ("open", "unpaid", CheckoutStatus::Open),
        ("open", "no_payment_required", CheckoutStatus::Open),
        ("complete", "unpaid", CheckoutStatus::CompleteUnpaid),
        ("complete", "paid", CheckoutStatus::CompletePaid),
        ("complete", "no_payment_required", CheckoutStatus::CompleteFree),
        ("expired", "unpaid", CheckoutStatus::Expired),
    ] {
        let it = session(json!({"status": status, "payment_status": payment})).unwrap();
        assert_eq!(it.status(), expected);
        assert_eq!(
            (it.progress.as_ref().unwrap().as_str(), it.payment_status.as_str()),
            (status, payment)
        );
    }
}

#[test]
fn a_session_names_all_that_came_of_it() {
    let it = session(json!({
        "customer": "cus_1", "payment_intent": "pi_1", "setup_intent": "seti_1",
        "subscription": "sub_1", "invoice": "in_1",
    }));
    let it = it.unwrap();
    let names = [it.customer, it.payment_intent, it.setup_intent, it.subscription, it.invoice];
    let names: Vec<_> = names.iter().map(|name| name.as_deref().unwrap()).collect();
    assert_eq!(names, ["cus_1", "pi_1", "seti_1", "sub_1", "in_1"]);
    assert_eq!(it.client_reference_id.as_deref(), Some("cart-9"));
    assert_eq!((it.amount_total, it.currency.unwrap().as_str()), (Some(1099), "eur"));
}

#[test]
fn a_word_that_is_new_or_missing_is_kept_as_it_is() {
    let status = |changes| session(changes).unwrap().status().as_str().to_owned();
    assert_eq!(status(json!({"status": "paused"})), "paused");
    assert_eq!(status(json!({"status": null})), "null");
    let half = json!({"status": "complete", "payment_status": "half"});
    assert_eq!(status(half), "complete/half");
    assert!(session(json!({"payment_status": null})).is_err());
}
