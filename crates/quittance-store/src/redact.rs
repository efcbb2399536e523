//! The choke point: nothing secret is stored.
//!
//! Every JSON that the store writes goes through [`strip`], whatever it is and wherever it came
//! from; nobody else redacts. A new secret is one line in one of the tables below. What a team does
//! not want to keep of its customers is in its settings: [`Rules`].

use serde_json::{Map, Value};

use crate::config::{RedactedPath, Redaction};

/// Fields that are dropped at any depth. `client_secret` lets whoever has it confirm a payment
/// (docs.stripe.com, "The PaymentIntent object").
const ANYWHERE: &[&str] = &["client_secret"];

/// Fields that are dropped from objects of one type (`object`), because elsewhere their name may be
/// harmless: a team's metadata may well have a field `secret`.
const OF_OBJECT: &[(&str, &str)] = &[("ephemeral_key", "secret"), ("webhook_endpoint", "secret")];

/// URL parameters whose value is blanked: redirects for 3-D Secure carry the client secret, and a
/// redirect within a redirect carries it encoded.
const PARAMETERS: &[&str] = &["client_secret=", "client_secret%3D", "client_secret%3d"];

/// How the value of a client secret begins: the id of what it opens, then `_secret_`.
const OWNERS: &[&str] = &["accs_", "cs_", "cuss_", "fcsess_", "pi_", "seti_", "si_", "src_"];

const BLANK: &str = "[redacted]";

/// Drops and blanks what is secret, at any depth; and replaces U+0000, which is valid in JSON but
/// cannot be stored as JSONB.
pub fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let object = fields.get("object").and_then(Value::as_str);
            let secret =
                OF_OBJECT.iter().find(|(of, _)| object == Some(*of)).map(|(_, field)| *field);
            for field in ANYWHERE.iter().copied().chain(secret) {
                fields.remove(field);
            }
            if fields.keys().any(|key| key.contains('\0')) {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(key, value)| (key.replace('\0', "\u{fffd}"), value))
                    .collect();
            }
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::String(text) => {
            if let Some(clean) = strip_text(text) {
                *text = clean;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What the settings drop, besides what is dropped always.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    paths: Vec<RedactedPath>,
}

impl From<&Redaction> for Rules {
    fn from(settings: &Redaction) -> Self {
        Self { paths: settings.paths.clone() }
    }
}

impl Rules {
    /// Drops from an object of Stripe's, or from what was made of one, all that is not to be kept.
    /// `object` is its kind, for values that do not say it themselves.
    pub fn apply(&self, value: &mut Value, object: Option<&str>) {
        strip(value);
        self.drop_from(value, object);
    }

    /// The same of a value that will be stripped as a part of another.
    pub(super) fn drop_from(&self, value: &mut Value, object: Option<&str>) {
        if !self.paths.is_empty() {
            self.walk(value, object);
        }
    }

    fn walk(&self, value: &mut Value, object: Option<&str>) {
        match value {
            Value::Object(fields) => {
                let own = fields.get("object").and_then(Value::as_str).map(str::to_owned);
                let own = own.as_deref().or(object);
                for path in &self.paths {
                    if path.object.is_none() || path.object.as_deref() == own {
                        drop_path(fields, &path.fields);
                    }
                }
                // An event tells the old values of fields of its object beside the object.
                let whole = fields.get("object").and_then(|it| it["object"].as_str());
                let whole = whole.map(str::to_owned);
                for (key, value) in fields {
                    let of = whole.as_deref().filter(|_| key == "previous_attributes");
                    self.walk(value, of);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, None)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Drops what a path leads to from here.
fn drop_path(fields: &mut Map<String, Value>, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        fields.remove(first);
    } else if first == "*" {
        fields.values_mut().for_each(|value| drop_within(value, rest));
    } else if let Some(value) = fields.get_mut(first) {
        drop_within(value, rest);
    }
}

fn drop_within(value: &mut Value, path: &[String]) {
    match value {
        Value::Object(fields) => drop_path(fields, path),
        Value::Array(items) => items.iter_mut().for_each(|item| drop_within(item, path)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The text without secrets, if it holds any.
fn strip_text(text: &str) -> Option<String> {
    // Nearly all of what is stored is looked at no further.
    if !text.contains('\0') && !text.contains("secret") {
        return None;
    }
    let mut clean = None;
    if text.contains('\0') {
        clean = Some(text.replace('\0', "\u{fffd}"));
    }
    for parameter in PARAMETERS {
        let current = clean.as_deref().unwrap_or(text);
        if current.contains(parameter) {
            clean = Some(blank_parameter(current, parameter));
        }
    }
    let current = clean.as_deref().unwrap_or(text);
    if current.contains("_secret_") {
        clean = Some(blank_tokens(current));
    }
    clean
}

fn blank_parameter(text: &str, parameter: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split(parameter);
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push_str(parameter);
        out.push_str(BLANK);
        let end =
            part.find(|c: char| matches!(c, '&' | '#' | '%' | '"' | '\'') || c.is_whitespace());
        out.push_str(end.and_then(|end| part.get(end..)).unwrap_or_default());
    }
    out
}

fn blank_tokens(text: &str) -> String {
    let in_token = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !in_token(c)).unwrap_or(rest.len());
        let (token, tail) = rest.split_at(end);
        let secret = token.contains("_secret_") && OWNERS.iter().any(|o| token.starts_with(o));
        out.push_str(if secret { BLANK } else { token });
        let next = tail.find(in_token).unwrap_or(tail.len());
        let (between, after) = tail.split_at(next);
        out.push_str(between);
        rest = after;
    }
    out
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
