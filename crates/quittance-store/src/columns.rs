//! Conversion of an observation to its columns, the facts of its notifications, and the part of its row that the
//! rules need. Each kind declares them in [`quittance_domain::kinds`].

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::error::StoreError;
use quittance_domain::event::About;
use quittance_domain::id::Scope;
use quittance_domain::object::{Kind, Observed, Recorded, Subject};

/// The column of the team's metadata: the only one with a JSON object.
const METADATA: &str = "metadata";

/// The account as it is stored: empty for the platform's own account.
pub(super) fn account(scope: &Scope) -> &str {
    scope.account.as_ref().map_or("", |account| account.as_str())
}

/// The columns of an observation, except those that all kinds share.
pub(super) fn of(observed: &Observed) -> Map<String, Value> {
    let Value::Object(mut columns) = json_of(observed) else { return Map::new() };
    flatten(&mut columns);
    columns
}

/// The facts of a notification about its object.
pub(super) fn facts(kind: Kind, columns: &Map<String, Value>, remembered: &Value) -> Value {
    let names = kind.spec().map_or(&[][..], |spec| spec.facts);
    // The team links its own rows by it.
    let metadata = columns.get(METADATA).map(|_| METADATA);
    let fact = |name: &str| {
        let value = remembered.get(name).or_else(|| columns.get(name));
        (name.to_owned(), value.cloned().unwrap_or_default())
    };
    Value::Object(names.iter().copied().chain(metadata).map(fact).collect())
}

/// The part of the row that the rules need, as it is stored beside it.
pub(super) fn remembered(observed: &Observed) -> Value {
    json_of(&observed.recorded())
}

/// Parses the stored part.
pub(super) fn recorded(kind: Kind, stored: &Value) -> Result<Recorded, StoreError> {
    Recorded::read(kind, stored).map_err(|_| StoreError::Unreadable { what: "objects.recorded" })
}

/// Names of the locks that a write of this object needs: its own, and that of the payment whose sums it changes.
pub(super) fn locks(subject: &Subject, observed: Option<&Observed>) -> Vec<String> {
    let mut names = vec![lock(&subject.scope, subject.kind.as_str(), subject.id.as_str())];
    let payment = observed.and_then(Observed::part_of_payment);
    names.extend(payment.map(|id| lock(&subject.scope, Kind::PaymentIntent.as_str(), id.as_str())));
    names
}

/// The lock of the object of an event with a notification of its own, which keeps the order of that object's
/// notifications.
pub(super) fn lock_of_event(scope: &Scope, about: &About) -> Option<String> {
    about.id.as_ref().map(|id| lock(scope, &about.object, id.as_str()))
}

fn lock(scope: &Scope, kind: &str, id: &str) -> String {
    format!("{}:{}:{kind}:{id}", account(scope), scope.mode.as_str())
}

pub(super) fn metadata(pairs: &[(String, String)]) -> Value {
    Value::Object(pairs.iter().map(|(k, v)| (k.clone(), json!(v))).collect())
}

/// Serializes a value. It cannot fail for structs of texts, numbers and flags; if it did, the tables would refuse
/// the null.
fn json_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// Adds the columns that are derived from a part of an object to the object's own; also in the rows of a list.
fn flatten(columns: &mut Map<String, Value>) {
    let is_part = |(name, value): &(&String, &Value)| value.is_object() && *name != METADATA;
    let parts: Vec<String> = columns.iter().filter(is_part).map(|(name, _)| name.clone()).collect();
    for part in parts {
        if let Some(Value::Object(mut part)) = columns.remove(&part) {
            flatten(&mut part);
            columns.extend(part);
        }
    }
    for row in columns.values_mut().filter_map(Value::as_array_mut).flatten() {
        if let Value::Object(columns) = row {
            flatten(columns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_part_are_columns_and_metadata_is_one() {
        let mut columns = Map::from_iter([
            ("outcome".to_owned(), json!({"outcome": "blocked", "deeper": {"still": 1}})),
            ("metadata".to_owned(), json!({"order_id": "42"})),
            ("items".to_owned(), json!([{"price": {"price": "price_1"}, "metadata": {}}])),
            ("currently_due".to_owned(), json!(["a"])),
        ]);
        flatten(&mut columns);
        let expected = json!({
            "outcome": "blocked", "still": 1, "metadata": {"order_id": "42"},
            "items": [{"price": "price_1", "metadata": {}}], "currently_due": ["a"],
        });
        assert_eq!(Value::Object(columns), expected);
    }
}
