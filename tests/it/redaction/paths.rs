//! Where things stand in a JSON object.

use std::collections::BTreeSet;

use quittance::config::{RedactedPath, Redaction};
use quittance::redaction::Rules;
use serde_json::Value;

/// The path of each field, in the words of the settings: by dots, with lists passed through.
pub(super) fn of(object: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(object, "", &mut found);
    found
}

fn collect(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                collect(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, at, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What the settings make of a path, if they take it.
pub(super) fn permitted(path: &str) -> Option<RedactedPath> {
    RedactedPath::try_from(path.to_owned()).ok()
}

pub(super) fn rules(paths: &[RedactedPath]) -> Rules {
    (&Redaction { paths: paths.to_vec(), ..Redaction::default() }).into()
}

/// Changes each text in a value; `change` is given its path and the text.
pub(super) fn each_text(value: &mut Value, at: &str, change: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                each_text(value, &path, change);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, at, change)),
        Value::String(text) => change(at, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
