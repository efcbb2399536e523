//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn price(changes: Value) -> PriceObserved {
    let mut it = json!({
        "id": "price_1", "object": "price", "active": true, "billing_scheme": "per_unit",
        "created": 1, "currency": "eur", "livemode": false, "lookup_key": "gold",
        "metadata": {}, "nickname": "Gold, monthly", "product": "prod_1", "type": "one_time",
        "unit_amount": 900, "unit_amount_decimal": "900",
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    serde_json::from_value(it).unwrap()
}

#[test]
fn a_price_that_is_paid_once_has_no_interval() {
    let it = price(json!({}));
    assert_eq!(it.status, CatalogueStatus::Active);
    assert_eq!((it.unit_amount, it.currency.as_str()), (Some(900), "eur"));
    assert_eq!((it.product.as_str(), it.recurring), ("prod_1", None));
    assert_eq!(it.lookup_key.as_deref(), Some("gold"));
    assert_eq!(it.nickname.as_deref(), Some("Gold, monthly"));
}

#[test]
fn a_price_that_is_paid_again_says_how_often() {
    let recurring = json!({"interval": "week", "interval_count": 2, "usage_type": "metered"});
    let it = price(json!({"type": "recurring", "recurring": recurring})).recurring.unwrap();
    assert_eq!((it.interval.as_deref(), it.interval_count), (Some("week"), Some(2)));
    assert_eq!(it.usage_type.as_deref(), Some("metered"));
}

#[test]
fn less_than_a_cent_is_kept_as_text() {
    let it = price(json!({"unit_amount": null, "unit_amount_decimal": "0.05"}));
    assert_eq!((it.unit_amount, it.unit_amount_decimal.as_deref()), (None, Some("0.05")));
}
