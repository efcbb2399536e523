//! The object that an event carries.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::surrogates;

#[derive(Deserialize)]
struct Wire {
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    object: Option<Value>,
    #[serde(default)]
    previous_attributes: Value,
}

/// The object that an event carries, and what of it has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// The object as it was when the event was made, in the version of the event.
    pub object: Value,
    /// What its changed fields had been before; `null` where the event does not say.
    pub previous: Value,
}

/// What an event carries of its object. `None`: nothing, like a thin event.
#[must_use]
pub fn carried(bytes: &[u8]) -> Option<Carried> {
    let wire: Wire = surrogates::read(bytes, |bytes| serde_json::from_slice(bytes)).ok()?;
    let Data { object, previous_attributes } = wire.data?;
    Some(Carried { object: object?, previous: previous_attributes })
}

/// The object as it was when the event was made, in the version of the event. `None`: it carries
/// none, like a thin event.
#[must_use]
pub fn snapshot(bytes: &[u8]) -> Option<Value> {
    carried(bytes).map(|carried| carried.object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_carries_its_object_or_none() {
        let carried = |event: &str| snapshot(event.as_bytes());
        let event =
            r#"{"id": "evt_1", "data": {"object": {"id": "pi_1", "amount": 5}}, "type": "x"}"#;
        assert_eq!(carried(event), Some(json!({"id": "pi_1", "amount": 5})));
        for none in [r#"{"related_object": {"id": "pi_1"}}"#, r#"{"data": {}}"#, "", "[1"] {
            assert_eq!(carried(none), None, "{none}");
        }
    }
}
