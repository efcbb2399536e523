//! Fields that are always dropped: secrets, and links that open a session without a sign-in.
//!
//! A new one is a line in one of the tables below. Personal data that a team does not want to store is in its
//! settings.

use serde_json::{Map, Value};

use super::drop_path;

/// Fields that are dropped at any depth of any object. `client_secret` permits confirming a payment, or using an
/// embedded component (docs.stripe.com, "The PaymentIntent object").
const ANYWHERE: &[&str] = &["client_secret"];

/// Paths that are dropped from objects of one type (`object`) only, because the names may be harmless elsewhere: a
/// team's metadata may have a field `secret`. Most are links that open a session without a sign-in, for one use
/// or a few hours; a program that needs one creates it or fetches it from Stripe.
///
/// Links to single documents, which Stripe makes for sharing, are kept:
/// `hosted_invoice_url`, `invoice_pdf`, `pdf` of a credit note, `receipt_url`,
/// `hosted_regulatory_receipt_url`, `url` of a payment link. `[redaction]` can drop them.
const OF_OBJECT: &[(&str, &[&str])] = &[
    // Values that authenticate.
    ("account", &["keys"]),
    ("apps.secret", &["payload"]),
    ("ephemeral_key", &["secret"]),
    ("terminal.connection_token", &["secret"]),
    ("v2.core.event_destination", &["webhook_endpoint", "signing_secret"]),
    ("webhook_endpoint", &["secret"]),
    // Card data, which an expanded card shows, and requests that carried it to a third party.
    ("forwarding.request", &["request_details"]),
    ("forwarding.request", &["response_details"]),
    ("issuing.card", &["cvc"]),
    ("issuing.card", &["number"]),
    // Sessions that Stripe hosts.
    ("account_link", &["url"]),
    ("billing_portal.session", &["url"]),
    ("checkout.session", &["url"]),
    ("checkout.session", &["after_expiration", "recovery", "url"]),
    ("crypto.onramp_session", &["redirect_url"]),
    ("identity.verification_session", &["url"]),
    ("login_link", &["url"]),
    ("terminal.onboarding_link", &["redirect_url"]),
    ("v2.core.account_link", &["url"]),
    // Links to which a customer is sent to authenticate.
    ("source", &["redirect", "url"]),
    ("three_d_secure", &["redirect_url"]),
    // Links that open a file without a sign-in.
    ("file_link", &["url"]),
];

/// Parts of objects of which only one field is kept.
///
/// `next_action` is for the customer's browser: links to authenticate, to verify a bank account, or
/// to pay a voucher, and data for Stripe's own scripts, under another name for each payment method.
const ONLY: &[(&str, &str, &str)] =
    &[("payment_intent", "next_action", "type"), ("setup_intent", "next_action", "type")];

/// URL parameters whose value is blanked: redirects for 3-D Secure contain the client secret, and a nested
/// redirect contains it encoded.
const PARAMETERS: &[&str] = &["client_secret=", "client_secret%3D", "client_secret%3d"];

/// Prefixes of client secrets. A client secret is the id of its object, then `_secret_` and more.
const OWNERS: &[&str] = &["accs_", "cs_", "cuss_", "fcsess_", "pi_", "seti_", "si_", "src_"];

pub(super) const BLANK: &str = "[redacted]";

/// Drops and blanks secrets at any depth; also replaces U+0000, which is valid in JSON but cannot be stored as
/// JSONB.
pub fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for field in ANYWHERE {
                fields.remove(*field);
            }
            if let Some(object) = fields.get("object").and_then(Value::as_str).map(str::to_owned) {
                strip_fields_of(&object, fields);
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
            if let Some(clean) = cleaned(text) {
                *text = clean;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Removes secrets and card numbers from a text, such as the message of an error.
#[must_use]
pub fn strip_text(text: String) -> String {
    let text = cleaned(&text).unwrap_or(text);
    super::card_data::without_numbers(&text).unwrap_or(text)
}

/// Drops the fields that are secret in objects of this type.
pub(super) fn strip_fields_of(object: &str, fields: &mut Map<String, Value>) {
    for (_, path) in OF_OBJECT.iter().filter(|(of, _)| *of == object) {
        drop_path(fields, path);
    }
    for (_, part, kept) in ONLY.iter().filter(|(of, _, _)| *of == object) {
        if let Some(part) = fields.get_mut(*part).and_then(Value::as_object_mut) {
            part.retain(|field, _| field == *kept);
        }
    }
}

/// The text without its secrets; `None` if it has none.
fn cleaned(text: &str) -> Option<String> {
    // A quick check, because nearly all texts contain no secret.
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
