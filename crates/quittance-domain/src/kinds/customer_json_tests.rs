//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn customer(changes: Value) -> Result<CustomerObserved, serde_json::Error> {
    let mut it = json!({
        "id": "cus_1", "object": "customer", "created": 1_700_000_000, "livemode": false,
        "name": "Jenny Rosén", "email": "jenny@example.com", "phone": "+49 30 1", "balance": 0,
        "delinquent": false, "metadata": {"user": "7"}, "shipping": null, "address": null,
        "description": null, "default_source": null,
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    serde_json::from_value(it)
}

#[test]
fn a_customer_who_owes_money_is_delinquent() {
    assert_eq!(customer(json!({"delinquent": true})).unwrap().status, CustomerStatus::Delinquent);
    assert_eq!(customer(json!({"delinquent": false})).unwrap().status, CustomerStatus::Current);
    assert_eq!(customer(json!({"delinquent": null})).unwrap().status, CustomerStatus::Current);
}

#[test]
fn the_default_method_is_the_one_of_the_invoices() {
    let settings = json!({"custom_fields": null, "default_payment_method": "pm_1",
                          "footer": null, "rendering_options": null});
    let it = customer(json!({"invoice_settings": settings, "balance": -500,
                             "currency": "eur"}));
    let it = it.unwrap();
    assert_eq!(it.default_payment_method.as_deref(), Some("pm_1"));
    assert_eq!((it.balance, it.currency.unwrap().as_str()), (Some(-500), "eur"));
}

#[test]
fn no_name_and_no_address_comes_out() {
    let text = format!("{:?}", customer(json!({})).unwrap());
    for personal in ["Jenny", "example.com", "+49"] {
        assert!(!text.contains(personal), "{text}");
    }
}
