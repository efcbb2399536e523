//! Redaction of Stripe's JSON: drops secrets, card data, and the fields that `[redaction]` of the settings names.
//!
//! Stripe's JSON is redacted once, right after it was parsed and before anything is derived from it: a response
//! of the API in `stripe_api`, the object in an event in `reconcile`, the payload of a dead letter in `store`.
//! Columns, notifications and recorded states are derived from [`Redacted`] alone, so they cannot contain
//! what is dropped here.

mod card_data;
mod secrets;

use std::fmt;
use std::ops::Deref;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value};

use quittance_config::{RedactedPath, Redaction};

pub use secrets::{strip, strip_text};

/// Redacted JSON. Only [`Rules::redact`] makes it.
#[derive(Clone, PartialEq, Default)]
pub struct Redacted(Value);

impl Redacted {
    /// Returns the JSON, for writing.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.0
    }
}

impl Deref for Redacted {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Personal data does not belong in a log line.
        f.debug_tuple("Redacted").finish_non_exhaustive()
    }
}

/// Rules of redaction: the secrets of the tables in `secrets`, card data, and the paths of the settings.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    paths: Vec<RedactedPath>,
    card_data_exempt: Vec<String>,
    /// Texts and names in which card data was replaced.
    card_data_masked: Counter,
}

impl From<&Redaction> for Rules {
    fn from(settings: &Redaction) -> Self {
        Self {
            paths: settings.paths.clone(),
            card_data_exempt: settings.card_data_exempt.clone(),
            card_data_masked: Counter::default(),
        }
    }
}

impl Rules {
    /// Makes known to a registry how often card data was replaced.
    pub fn count(&self, registry: &mut Registry) {
        registry.register(
            "quittance_card_data_redacted",
            "Texts on Stripe's objects in which something like card data was replaced, each time that they are read",
            self.card_data_masked.clone(),
        );
    }

    /// Redacts an object of Stripe, or an event with its object.
    #[must_use]
    pub fn redact(&self, mut value: Value) -> Redacted {
        strip(&mut value);
        let masked = card_data::mask(&mut value, &self.card_data_exempt);
        self.card_data_masked.inc_by(masked);
        // Paths apply to the object in an event: the envelope contains no personal data, and is needed
        // to read the event again.
        match value["object"].as_str() {
            Some("event" | "v2.core.event") => self.redact_data(value.get_mut("data")),
            Some(_) | None => self.walk(&mut value, None),
        }
        Redacted(value)
    }

    /// Redacts the object in an event, and the previous values of its fields.
    #[must_use]
    pub fn redact_carried(&self, object: Value, previous: Value) -> (Redacted, Redacted) {
        let data = [("object", object), ("previous_attributes", previous)];
        let data = data.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let event = [("object", Value::from("event")), ("data", Value::Object(data))];
        let event = event.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let Redacted(mut event) = self.redact(Value::Object(event));
        let mut take = |name| Redacted(event["data"][name].take());
        (take("object"), take("previous_attributes"))
    }

    /// Applies the rules to the object in an event, and to the previous values of its fields, which do not name
    /// their object.
    fn redact_data(&self, data: Option<&mut Value>) {
        let Some(data) = data.and_then(Value::as_object_mut) else { return };
        let of = data.get("object").and_then(|it| it["object"].as_str()).map(str::to_owned);
        for (key, value) in data {
            let of = of.as_deref().filter(|_| key == "previous_attributes");
            if let (Some(of), Some(fields)) = (of, value.as_object_mut()) {
                secrets::strip_fields_of(of, fields);
            }
            self.walk(value, of);
        }
    }

    /// Applies the paths to a value and its parts. `object` is its type, if `value` does not name it.
    fn walk(&self, value: &mut Value, object: Option<&str>) {
        if self.paths.is_empty() {
            return;
        }
        match value {
            Value::Object(fields) => {
                let own = fields.get("object").and_then(Value::as_str).map(str::to_owned);
                let own = own.as_deref().or(object);
                for path in &self.paths {
                    if path.object.is_none() || path.object.as_deref() == own {
                        drop_path(fields, &path.fields);
                    }
                }
                fields.values_mut().for_each(|value| self.walk(value, None));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, None)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Drops the fields at a path below a value.
fn drop_path<Name: AsRef<str>>(fields: &mut Map<String, Value>, path: &[Name]) {
    let Some((first, rest)) = path.split_first() else { return };
    let first = first.as_ref();
    if rest.is_empty() {
        fields.remove(first);
    } else if first == "*" {
        fields.values_mut().for_each(|value| drop_within(value, rest));
    } else if let Some(value) = fields.get_mut(first) {
        drop_within(value, rest);
    }
}

fn drop_within<Name: AsRef<str>>(value: &mut Value, path: &[Name]) {
    match value {
        Value::Object(fields) => drop_path(fields, path),
        Value::Array(items) => items.iter_mut().for_each(|item| drop_within(item, path)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
