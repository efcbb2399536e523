//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn item_json(id: &str, start: i64, end: i64) -> Value {
    let recurring = json!({"interval": "month", "interval_count": 1, "usage_type": "licensed"});
    json!({
        "id": id, "object": "subscription_item", "created": 1_700_000_000, "discounts": [],
        "current_period_start": start, "current_period_end": end, "metadata": {"seat": id},
        "plan": {
            "id": "price_1", "object": "plan", "active": true, "billing_scheme": "per_unit",
            "created": 1, "currency": "eur", "interval": "month", "interval_count": 1,
            "livemode": false, "usage_type": "licensed",
        },
        "price": {
            "id": "price_1", "object": "price", "active": true, "billing_scheme": "per_unit",
            "created": 1, "currency": "eur", "livemode": false, "metadata": {},
            "product": "prod_1", "type": "recurring", "recurring": recurring, "unit_amount": 900,
        },
        "quantity": 2, "subscription": "sub_1",
    })
}

fn today() -> Value {
    json!({
        "id": "sub_1", "object": "subscription", "automatic_tax": {"enabled": false},
        "billing_cycle_anchor": 1_700_000_000, "billing_mode": {"type": "classic"},
        "billing_schedules": [], "cancel_at_period_end": false,
        "collection_method": "charge_automatically", "created": 1_700_000_000, "currency": "eur",
        "customer": "cus_1", "discounts": [], "invoice_settings": {"issuer": {"type": "self"}},
        "items": {
            "object": "list", "has_more": false, "url": "/v1/subscription_items",
            "data": [item_json("si_2", 300, 360), item_json("si_1", 300, 330)],
        },
        "livemode": false, "metadata": {"order_id": "42"}, "start_date": 1_700_000_000,
        "status": "active",
    })
}

fn read(it: Value) -> Result<SubscriptionObserved, serde_json::Error> {
    serde_json::from_value(it)
}

fn changed(changes: Value) -> Result<SubscriptionObserved, serde_json::Error> {
    let mut it = today();
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    read(it)
}

#[test]
fn the_period_is_read_where_it_lives_now() {
    let it = changed(json!({})).unwrap();
    assert_eq!(it.current_period(), Some((300, 330)), "the item that is due first");
    let ids: Vec<_> = it.items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["si_1", "si_2"], "in a fixed order");
    let item = &it.items[0];
    assert_eq!((item.price.id.as_str(), item.price.product.as_str()), ("price_1", "prod_1"));
    assert_eq!(item.quantity, Some(2));
    assert_eq!(item.metadata, [("seat".to_owned(), "si_1".to_owned())]);
}

#[test]
fn all_that_says_how_it_will_end_is_kept() {
    let it = changed(json!({
        "status": "trialing", "trial_start": 1, "trial_end": 2, "cancel_at_period_end": true,
        "cancel_at": 3, "canceled_at": 4, "ended_at": 5, "latest_invoice": "in_1",
        "default_payment_method": "pm_1", "schedule": "sub_sched_1",
        "pause_collection": {"behavior": "void", "resumes_at": 6},
    }))
    .unwrap();
    assert_eq!(it.status, SubscriptionStatus::Trialing);
    assert_eq!((it.trial_start, it.trial_end), (Some(1), Some(2)));
    assert!(it.cancel_at_period_end);
    assert_eq!((it.cancel_at, it.canceled_at, it.ended_at), (Some(3), Some(4), Some(5)));
    assert_eq!(
        it.pause,
        Some(SubscriptionPause { behavior: Some("void".into()), resumes_at: Some(6) })
    );
    assert_eq!(it.latest_invoice.unwrap().as_str(), "in_1");
    assert_eq!(it.default_payment_method.as_deref(), Some("pm_1"));
    assert_eq!(it.schedule.unwrap().as_str(), "sub_sched_1");
    assert_eq!((it.customer.as_str(), it.currency.as_str()), ("cus_1", "eur"));
    assert_eq!(it.metadata, [("order_id".to_owned(), "42".to_owned())]);
}

#[test]
fn metered_use_has_no_quantity() {
    let mut it = today();
    it["items"]["data"] = json!([item_json("si_1", 1, 2)]);
    it["items"]["data"][0]["quantity"] = json!(null);
    assert_eq!(read(it).unwrap().items[0].quantity, None);
}

#[test]
fn an_item_that_cannot_be_read_is_not_left_out() {
    let mut it = today();
    it["items"]["data"][1]["price"] = json!(null);
    assert!(read(it).is_err(), "it would count as gone");
}
