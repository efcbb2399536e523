//! The object that an event carries.

use std::sync::Arc;

use serde_json::Value;

use crate::domain::surrogates;

/// The object that an event carries, as JSON text that has not been decoded. Empty for a thin event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawObject {
    object: Option<Arc<str>>,
    previous: Option<Arc<str>>,
}

/// The object that an event carries, and what of it has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// The object as it was when the event was made, in the version of the event.
    pub object: Value,
    /// What its changed fields had been before; `null` where the event does not say.
    pub previous: Value,
}

impl RawObject {
    pub(super) fn new(object: Option<&str>, previous: Option<&str>) -> Self {
        Self { object: object.map(Into::into), previous: previous.map(Into::into) }
    }

    /// Decodes it. `None`: the event carries no object, like a thin one, or it is nested too deeply to read.
    #[must_use]
    pub fn decode(&self) -> Option<Carried> {
        let value = |text: &str| {
            surrogates::read(text.as_bytes(), |bytes| serde_json::from_slice::<Value>(bytes)).ok()
        };
        let object = value(self.object.as_deref()?)?;
        let previous = match self.previous.as_deref() {
            Some(text) => value(text)?,
            None => Value::Null,
        };
        Some(Carried { object, previous })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_decoded_on_demand_with_what_it_was_before() {
        let raw = RawObject::new(Some(r#"{"id": "pi_1", "cut": "\ud83d"}"#), Some(r#"{"a": 1}"#));
        let object = json!({"id": "pi_1", "cut": "\u{fffd}"});
        assert_eq!(raw.decode(), Some(Carried { object, previous: json!({"a": 1}) }));
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        for none in [RawObject::default(), RawObject::new(Some(&deep), None)] {
            assert_eq!(none.decode(), None);
        }
    }
}
