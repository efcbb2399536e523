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
mod tests {
    use super::*;
    use serde_json::json;

    fn stripped(mut value: Value) -> Value {
        strip(&mut value);
        value
    }

    #[test]
    fn a_client_secret_is_dropped_at_any_depth() {
        assert_eq!(
            stripped(json!({
                "id": "pi_1", "client_secret": "pi_1_secret_x",
                "list": [{"deep": {"client_secret": null, "kept": 1}}],
                "latest_invoice": {"confirmation_secret": {"client_secret": "x", "type": "y"}},
            })),
            json!({
                "id": "pi_1",
                "list": [{"deep": {"kept": 1}}],
                "latest_invoice": {"confirmation_secret": {"type": "y"}},
            })
        );
    }

    #[test]
    fn a_secret_is_dropped_from_the_objects_that_have_one_and_from_no_other() {
        assert_eq!(
            stripped(json!([
                {"object": "ephemeral_key", "secret": "ek_1", "id": "e"},
                {"object": "payment_intent", "metadata": {"secret": "santa"}},
            ])),
            json!([
                {"object": "ephemeral_key", "id": "e"},
                {"object": "payment_intent", "metadata": {"secret": "santa"}},
            ])
        );
    }

    #[test]
    fn a_secret_inside_a_text_is_blanked_and_the_rest_of_the_text_stays() {
        for (text, clean) in [
            (
                "https://hooks.stripe.com/redirect?client_secret=src_client_secret_a1&source=src_1",
                "https://hooks.stripe.com/redirect?client_secret=[redacted]&source=src_1",
            ),
            (
                "/return?payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_b2#end",
                "/return?payment_intent=pi_1&payment_intent_client_secret=[redacted]#end",
            ),
            (
                "/go?url=%2Fback%3Fpayment_intent_client_secret%3Dpi_1_secret_b2%26x%3D1",
                "/go?url=%2Fback%3Fpayment_intent_client_secret%3D[redacted]%26x%3D1",
            ),
            ("expected ü, got pi_1_secret_b2.", "expected ü, got [redacted]."),
            ("cs_test_a1_secret_c3", "[redacted]"),
            ("our top_secret_plan for pi_1", "our top_secret_plan for pi_1"),
            ("client_secret=", "client_secret=[redacted]"),
        ] {
            assert_eq!(stripped(json!({"a": text})), json!({"a": clean}));
        }
    }

    #[test]
    fn a_nul_character_does_not_keep_an_object_from_being_stored() {
        assert_eq!(stripped(json!({"a\u{0}": "b\u{0}c"})), json!({"a\u{fffd}": "b\u{fffd}c"}));
    }

    #[test]
    fn stripping_twice_is_stripping_once() {
        let once = stripped(json!({"a": "client_secret=pi_1_secret_x&y", "client_secret": 1}));
        assert_eq!(stripped(once.clone()), once);
    }

    fn ruled(paths: &[&str], mut value: Value, object: Option<&str>) -> Value {
        let paths = paths.iter().map(|path| (*path).to_owned().try_into().unwrap()).collect();
        Rules::from(&Redaction { paths }).apply(&mut value, object);
        value
    }

    #[test]
    fn a_path_drops_its_field_at_any_depth_and_nothing_else() {
        let charge = json!({
            "object": "charge", "name": "own", "email": "a",
            "billing_details": {"name": "Joe", "address": {"city": "x"}, "email": "b"},
            "list": [{"billing_details": {"address": 1, "phone": 2}, "email": null}],
            "address": "kept",
        });
        assert_eq!(
            ruled(&["email", "billing_details.address", "*.name"], charge, None),
            json!({
                "object": "charge", "name": "own", "billing_details": {},
                "list": [{"billing_details": {"phone": 2}}], "address": "kept",
            })
        );
    }

    #[test]
    fn a_path_of_one_kind_leaves_the_others_alone_and_holds_for_their_old_values_too() {
        let event = json!({
            "object": "event",
            "data": {
                "object": {"object": "customer", "name": "x", "phone": 1, "product": {"object": "product", "name": "p"}},
                "previous_attributes": {"name": "y", "phone": 2},
            },
        });
        assert_eq!(
            ruled(&["customer:name"], event, None),
            json!({
                "object": "event",
                "data": {
                    "object": {"object": "customer", "phone": 1, "product": {"object": "product", "name": "p"}},
                    "previous_attributes": {"phone": 2},
                },
            })
        );
        let row = json!({"id": "cus_1", "name": "x"});
        assert_eq!(
            ruled(&["customer:name"], row.clone(), Some("customer")),
            json!({"id": "cus_1"})
        );
        assert_eq!(ruled(&["customer:name"], row.clone(), Some("product")), row);
    }

    #[test]
    fn a_list_is_passed_through() {
        let it = json!({"items": {"data": [{"nickname": 1, "x": 2}, {"x": 3}]}});
        assert_eq!(
            ruled(&["items.data.nickname"], it, None),
            json!({"items": {"data": [{"x": 2}, {"x": 3}]}})
        );
    }

    /// Whether a field of this name is anywhere.
    fn holds(value: &Value, name: &str) -> bool {
        match value {
            Value::Object(fields) => {
                fields.contains_key(name) || fields.values().any(|value| holds(value, name))
            }
            Value::Array(items) => items.iter().any(|item| holds(item, name)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }

    /// One object of each kind, as Stripe publishes them.
    fn fixtures() -> Value {
        serde_json::from_str(include_str!("../../tests/fixtures/stripe-objects.json")).unwrap()
    }

    #[test]
    fn no_fixture_keeps_what_the_settings_drop() {
        let fixtures = fixtures();
        let dropped = ["email", "address", "name", "phone", "client_secret"];
        let mut seen = [false; 5];
        for (kind, object) in fixtures["resources"].as_object().unwrap() {
            for (name, seen) in dropped.iter().zip(&mut seen) {
                *seen |= holds(object, name);
            }
            let clean = ruled(&dropped[..4], object.clone(), Some(kind));
            for name in dropped {
                assert!(!holds(&clean, name), "{kind} keeps {name}");
            }
            assert_eq!(clean["id"], object["id"], "{kind}");
        }
        assert_eq!(seen, [true; 5], "the fixtures prove nothing");
    }

    #[test]
    fn no_fixture_keeps_a_client_secret() {
        let mut fixtures = fixtures();
        let before = fixtures["resources"].as_object().unwrap().len();
        assert!(fixtures.to_string().contains("\"client_secret\""), "the fixtures prove nothing");
        strip(&mut fixtures);
        assert!(!fixtures.to_string().contains("\"client_secret\""));
        let after = fixtures["resources"].as_object().unwrap();
        assert_eq!(after.len(), before);
        assert!(after["payment_intent"]["id"].is_string());
    }
}
