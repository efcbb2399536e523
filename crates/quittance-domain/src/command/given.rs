//! Parameters and objects for the tests of commands, each with what a test changes of it.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::RuleBreach;
use super::params::{NewCheckout, NewPayment, NewSubscription};
use crate::kinds::checkout::CheckoutObserved;
use crate::kinds::subscription::SubscriptionObserved;

fn read<T: DeserializeOwned>(mut all: Value, changed: Value) -> T {
    if let (Value::Object(all), Value::Object(changed)) = (&mut all, changed) {
        all.extend(changed);
    }
    serde_json::from_value(all).unwrap()
}

/// A breach by its code and field.
pub(super) fn told(found: Result<(), RuleBreach>) -> Option<String> {
    found.err().map(|breach| format!("{} {}", breach.code.as_str(), breach.field))
}

pub(super) fn payment(changed: Value) -> NewPayment {
    read(json!({ "amount": 2000, "currency": "eur" }), changed)
}

/// Four mugs of 5.00 EUR.
pub(super) fn checkout(changed: Value) -> NewCheckout {
    let all = json!({
        "mode": "payment", "success_url": "https://shop.example/thanks",
        "line_items": [{"price_data": {"currency": "eur", "unit_amount": 500,
                                       "product_data": {"name": "Mug"}}, "quantity": 4}],
    });
    read(all, changed)
}

/// The open session of [`checkout`].
pub(super) fn session(changed: Value) -> CheckoutObserved {
    let all = json!({
        "status": "open", "payment_status": "unpaid", "mode": "payment", "amount_total": 2000,
        "currency": "eur", "expires_at": 1, "created": 1,
    });
    read(all, changed)
}

/// Two of `price_1`.
pub(super) fn new_subscription(changed: Value) -> NewSubscription {
    let all = json!({"customer": "cus_1", "items": [{"price": "price_1", "quantity": 2}]});
    read(all, changed)
}

/// The incomplete subscription of [`new_subscription`].
pub(super) fn subscription(changed: Value) -> SubscriptionObserved {
    let item = json!({
        "id": "si_1", "price": {"id": "price_1", "product": "prod_1"}, "quantity": 2,
        "current_period_start": 1, "current_period_end": 2, "created": 1,
    });
    let all = json!({
        "status": "incomplete", "customer": "cus_1", "currency": "eur", "created": 1,
        "collection_method": "charge_automatically", "cancel_at_period_end": false,
        "items": {"object": "list", "has_more": false, "data": [item]},
    });
    read(all, changed)
}
