//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn today() -> Value {
    json!({
        "id": "in_1", "object": "invoice", "amount_due": 1000, "amount_overpaid": 0,
        "amount_paid": 0, "amount_remaining": 1000, "amount_shipping": 0, "attempt_count": 1,
        "attempted": true, "automatic_tax": {"enabled": false},
        "billing_reason": "subscription_cycle", "collection_method": "charge_automatically",
        "created": 1_700_000_000, "currency": "eur", "customer": "cus_1", "default_tax_rates": [],
        "discounts": [], "issuer": {"type": "self"},
        "lines": {"object": "list", "data": [], "has_more": false, "url": "/v1/invoices/in_1/lines"},
        "livemode": false, "metadata": {"order_id": "42"}, "number": "A-0001",
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"subscription": "sub_1", "metadata": {}},
        },
        "payment_settings": {}, "period_end": 20, "period_start": 10,
        "post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0, "status": "open", "status_transitions": {"finalized_at": 5},
        "subtotal": 900, "total": 1000,
    })
}

fn paid_by(id: &str, intent: Value, status: &str, is_default: bool) -> Value {
    let kind = if intent.is_null() { "charge" } else { "payment_intent" };
    json!({
        "id": id, "object": "invoice_payment", "amount_requested": 1000, "created": 1,
        "currency": "eur", "invoice": "in_1", "is_default": is_default, "livemode": false,
        "payment": {"type": kind, "payment_intent": intent}, "status": status,
        "status_transitions": {},
    })
}

fn read(it: Value) -> Result<InvoiceObserved, serde_json::Error> {
    serde_json::from_value(it)
}

fn changed(changes: Value) -> Result<InvoiceObserved, serde_json::Error> {
    let mut it = today();
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    read(it)
}

fn payment_of(payments: Value) -> Option<String> {
    let list = json!({"object": "list", "data": payments, "has_more": false, "url": ""});
    let it = changed(json!({"payments": list})).unwrap();
    it.payment_intent.map(|id| id.as_str().to_owned())
}

#[test]
fn subscription_and_payment_are_read_where_they_live_now() {
    let it = changed(json!({})).unwrap();
    assert_eq!(it.subscription.unwrap().as_str(), "sub_1");
    assert_eq!(it.payment_intent, None, "nobody asked for the payments");
    assert_eq!(payment_of(json!([paid_by("inpay_1", json!("pi_1"), "open", true)])), own("pi_1"));
}

fn own(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn of_several_payments_the_one_that_paid_is_meant() {
    let retried = json!([
        paid_by("inpay_1", json!("pi_failed"), "canceled", false),
        paid_by("inpay_2", json!("pi_default"), "open", true),
        paid_by("inpay_3", json!("pi_paid"), "paid", false),
    ]);
    assert_eq!(payment_of(retried), own("pi_paid"));
    let waiting = json!([
        paid_by("inpay_1", json!("pi_failed"), "canceled", false),
        paid_by("inpay_2", json!("pi_default"), "open", true),
    ]);
    assert_eq!(payment_of(waiting), own("pi_default"));
    assert_eq!(payment_of(json!([paid_by("inpay_1", json!(null), "paid", true)])), None);
}

#[test]
fn money_that_stripe_did_not_see_is_told_apart() {
    assert!(
        !changed(json!({"status": "paid", "amount_paid_off_stripe": 0})).unwrap().paid_out_of_band
    );
    assert!(
        changed(json!({"status": "paid", "amount_paid_off_stripe": 1000}))
            .unwrap()
            .paid_out_of_band
    );
}

#[test]
fn amounts_and_attempts_are_kept() {
    let it =
        changed(json!({"next_payment_attempt": 7, "attempt_count": 3, "due_date": 8})).unwrap();
    assert_eq!(it.status(), InvoiceStatus::Open);
    assert_eq!((it.amount_due, it.amount_paid, it.amount_remaining), (1000, 0, 1000));
    assert_eq!((it.subtotal, it.total, it.currency.as_str()), (900, 1000, "eur"));
    assert_eq!((it.attempt_count, it.next_payment_attempt, it.due_date), (3, Some(7), Some(8)));
    assert_eq!(it.billing_reason.as_deref(), Some("subscription_cycle"));
    assert_eq!(it.number.as_deref(), Some("A-0001"));
    assert_eq!((it.period_start, it.period_end), (10, 20));
    assert_eq!(
        (it.status_transitions.finalized_at, it.status_transitions.paid_at),
        (Some(5), None)
    );
}

#[test]
fn a_status_that_is_new_or_missing_is_kept_as_it_is() {
    assert_eq!(changed(json!({"status": "frozen"})).unwrap().status().as_str(), "frozen");
    let it = changed(json!({"status": null})).unwrap();
    assert_eq!((it.status.as_ref(), it.status().as_str()), (None, "null"));
}
