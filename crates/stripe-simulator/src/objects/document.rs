//! Objects that are kept as the JSON that the API shows: those of billing.

use serde_json::{Value, json};

/// Where they are read, and what they are.
const COLLECTIONS: [(&str, &str); 5] = [
    ("subscriptions", "subscription"),
    ("invoices", "invoice"),
    ("products", "product"),
    ("prices", "price"),
    ("subscription_schedules", "subscription_schedule"),
];

/// What is shown only where `expand` asks for it (docs.stripe.com, "Expanding responses",
/// Includable properties).
const INCLUDED: [(&str, &str); 4] = [
    ("invoices", "amount_paid_off_stripe"),
    ("invoices", "confirmation_secret"),
    ("invoices", "payments"),
    ("sessions", "line_items"),
];

/// The lists inside objects, of which an answer or an event shows the beginning.
const LISTS: [&str; 3] = ["items", "lines", "payments"];

/// As many entries as such a list shows by itself (docs.stripe.com, "Pagination").
const SHOWN: usize = 10;

/// Stripe's `object` of a collection.
pub(crate) fn object_of(collection: &str) -> Option<&'static str> {
    COLLECTIONS.iter().find(|(path, _)| *path == collection).map(|(_, object)| *object)
}

/// Whether `expand` can ask for a field of a collection.
pub(crate) fn is_included(collection: &str, field: &str) -> bool {
    INCLUDED.contains(&(collection, field))
}

/// The object as an answer or an event shows it.
pub(crate) fn show<'a>(document: &Value, wanted: impl Iterator<Item = &'a str>) -> Value {
    let mut value = document.clone();
    let wanted: Vec<&str> = wanted.collect();
    let object = value["object"].as_str().unwrap_or_default().to_owned();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| {
            let hidden = INCLUDED
                .iter()
                .any(|(path, field)| object_of(path) == Some(object.as_str()) && field == name);
            !hidden || wanted.contains(&name.as_str())
        });
    }
    for list in LISTS {
        let Some(list) = value.get_mut(list) else { continue };
        if let Some(entries) = list.get_mut("data").and_then(Value::as_array_mut) {
            let more = entries.len() > SHOWN;
            entries.truncate(SHOWN);
            list["has_more"] = json!(more);
        }
    }
    value
}

/// A field that is text.
pub(crate) fn text<'a>(document: &'a Value, field: &str) -> &'a str {
    document.get(field).and_then(Value::as_str).unwrap_or_default()
}
