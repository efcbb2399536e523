//! Bodies of requests: searched for card data first, then for amounts, then read strictly.

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde_json::Value;
use serde_path_to_error::Track;

use super::reply::Failure;
use crate::card_data::CardDataGuard;
use crate::commands::{CommandError, Problem};
use crate::domain::command::command_params::CommandParams;
use crate::domain::command::{CommandKind, RuleBreach, amount};

/// Fields that are amounts, whatever they belong to.
const AMOUNTS: &[&str] = &["amount", "application_fee_amount", "amount_to_capture", "unit_amount"];

/// Fields that are objects, where serde would also take a list of their values.
const OBJECTS: &[&str] = &[
    "automatic_payment_methods",
    "transfer_data",
    "metadata",
    "price_data",
    "product_data",
    "recurring",
    "payment_intent_data",
    "payment_settings",
];

/// Headers that hold no text of the client's: a token is a secret, and is stored nowhere.
const OWN_HEADERS: &[&str] = &["authorization", "content-length", "host"];

/// Refuses card data in the path, the query and the headers.
///
/// # Errors
/// 400, with the name of what holds it.
pub(super) fn check_head(request: &Request, guard: &CardDataGuard) -> Result<(), Failure> {
    let path = percent_encoding::percent_decode_str(request.uri().path()).decode_utf8_lossy();
    for segment in path.split('/') {
        look(&["path"], segment, guard)?;
    }
    for (name, value) in url::form_urlencoded::parse(request.uri().query().unwrap_or("").as_bytes())
    {
        look(&["query", &name], &value, guard)?;
    }
    for (name, value) in request.headers() {
        if !OWN_HEADERS.contains(&name.as_str()) {
            let value = String::from_utf8_lossy(value.as_bytes());
            look(&["header", name.as_str()], &value, guard)?;
        }
    }
    Ok(())
}

fn look(path: &[&str], value: &str, guard: &CardDataGuard) -> Result<(), Failure> {
    guard.look(path, value).map_err(refused)
}

fn refused(breach: RuleBreach) -> Failure {
    CommandError::Breach(breach).into()
}

/// Reads the parameters of a command.
///
/// # Errors
/// 415: it is no JSON. 400, with the field: it holds card data, an amount that is no whole number, or what the
/// command does not have.
pub(super) fn read(
    kind: CommandKind,
    headers: &HeaderMap,
    body: &Bytes,
    guard: &CardDataGuard,
) -> Result<CommandParams, Failure> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.and_then(|media| media.split(';').next()).map(str::trim);
    let is_json = media.is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    if !is_json {
        let detail =
            "Send a body of Content-Type: application/json; {} where there is nothing to say.";
        return Err(Failure::new(415, "not_json", detail));
    }
    strictly(kind, body, guard)
}

/// Reads the parameters of a command from JSON that does not come over HTTP, as strictly as a request's.
///
/// # Errors
/// The field holds card data, an amount that is no whole number, or what the command does not have.
pub fn read_params(
    kind: CommandKind,
    json: &[u8],
    guard: &CardDataGuard,
) -> Result<CommandParams, Box<Problem>> {
    strictly(kind, json, guard).map_err(|failure| failure.0)
}

fn strictly(
    kind: CommandKind,
    body: &[u8],
    guard: &CardDataGuard,
) -> Result<CommandParams, Failure> {
    let invalid = |detail: String| Failure::from(Problem::new(400, "invalid_request", detail));
    // serde_json's own message about bad syntax holds a position and no content.
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| invalid(format!("The body is no JSON: {error}")))?;
    walk(&mut Vec::new(), &value, guard)?;
    if !value.is_object() {
        return Err(invalid("The body must be an object: {\"amount\": 2000, ...}".to_owned()));
    }
    // From the bytes: that refuses a field that is given twice, which a `Value` forgets.
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut track = Track::new();
    let read =
        CommandParams::read(kind, serde_path_to_error::Deserializer::new(&mut json, &mut track));
    read.map_err(|error| {
        let path = track.path().to_string();
        let mut problem = Problem::new(400, "invalid_request", format!("{path}: {error}."));
        problem.field = Some(path);
        Failure::from(problem)
    })
}

fn walk<'a>(
    path: &mut Vec<&'a str>,
    value: &'a Value,
    guard: &CardDataGuard,
) -> Result<(), Failure> {
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::String(text) => {
            look(path, text, guard)?;
            if text.contains('\0') {
                let mut problem = Problem::new(
                    400,
                    "invalid_request",
                    "A text holds the character NUL (U+0000), which cannot be stored.",
                );
                problem.field = Some(path.join("."));
                return Err(Failure::from(problem));
            }
            check_amount(path, text)
        }
        Value::Number(number) => {
            let text = number.to_string();
            look(path, &text, guard)?;
            check_amount(path, &text)
        }
        Value::Array(items) => {
            if path.last().is_some_and(|name| OBJECTS.contains(name)) {
                let field = path.join(".");
                let mut problem =
                    Problem::new(400, "invalid_request", format!("{field} must be an object."));
                problem.field = Some(field);
                return Err(Failure::from(problem));
            }
            if items.iter().any(Value::is_array) {
                let field = path.join(".");
                let detail = format!("{field} must be a list of objects or of texts.");
                let mut problem = Problem::new(400, "invalid_request", detail);
                problem.field = Some(field);
                return Err(Failure::from(problem));
            }
            items.iter().try_for_each(|item| walk(path, item, guard))
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                path.push(name);
                // An empty object still shows its name.
                look(path, "", guard)?;
                walk(path, value, guard)?;
                path.pop();
            }
            Ok(())
        }
    }
}

/// An amount that is no whole number, in the request's own fields.
fn check_amount(path: &[&str], text: &str) -> Result<(), Failure> {
    match path {
        ["metadata", ..] => Ok(()),
        [.., name] if AMOUNTS.contains(name) => {
            amount::whole(name, text).map(|_| ()).map_err(refused)
        }
        _ => Ok(()),
    }
}

/// The client's key.
///
/// # Errors
/// 400: there is none, or it is not text.
pub(super) fn key(headers: &HeaderMap) -> Result<&str, Failure> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    key.ok_or_else(|| {
        let mut problem = Problem::new(
            400,
            "idempotency_key_missing",
            "Send a header Idempotency-Key that names what is bought and not the try: order-42-payment. A \
             request that is repeated with it is carried out once.",
        );
        problem.field = Some("Idempotency-Key".to_owned());
        Failure::from(problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        headers
    }

    fn code(body: &str) -> String {
        let body = Bytes::copy_from_slice(body.as_bytes());
        read(CommandKind::CreatePayment, &json(), &body, &CardDataGuard::default())
            .map_or_else(|failure| failure.0.code, |_| "good".to_owned())
    }

    #[test]
    fn a_body_is_read_strictly() {
        for (body, expected) in [
            (r#"{"amount":2000,"currency":"eur"}"#, "good"),
            (r#"{"amount":1998.9999999999998,"currency":"eur"}"#, "amount_not_integer"),
            (r#"{"amount":19.99,"currency":"eur"}"#, "amount_not_integer"),
            (r#"{"amount":"19.99","currency":"eur"}"#, "amount_not_integer"),
            (r#"{"amount":2e3,"currency":"eur"}"#, "amount_not_integer"),
            (r#"{"amount":2000,"amount":1,"currency":"eur"}"#, "invalid_request"),
            (r#"{"amount":2000,"currency":"eur","payment_method_types":["card"]}"#, "good"),
            (r#"{"amount":2000,"currency":"eur","transfer_data":["acct_1"]}"#, "invalid_request"),
            (r#"{"amount":2000}"#, "invalid_request"),
            (r#"[2000,"eur"]"#, "invalid_request"),
            ("amount=2000", "invalid_request"),
            (r#"{"amount":2000,"currency":"eur","description":"a\u0000b"}"#, "invalid_request"),
            (r#"{"amount":2000,"currency":"eur","card":{"number":"1"}}"#, "card_data"),
            (r#"{"amount":2000,"currency":"eur","metadata":{"cvc":"123"}}"#, "card_data"),
            (r#"{"amount":2000,"currency":"eur","x":4242424242424242}"#, "card_data"),
            (
                r#"{"amount":2000,"currency":"eur","metadata":{"4242 4242 4242 4242":""}}"#,
                "card_data",
            ),
        ] {
            assert_eq!(code(body), expected, "{body}");
        }
    }

    #[test]
    fn a_refusal_of_card_data_does_not_repeat_it() {
        let body = r#"{"amount":2000,"currency":"eur","metadata":{"4242424242424242":"x"}}"#;
        let body = Bytes::from_static(body.as_bytes());
        let failure = read(CommandKind::CreatePayment, &json(), &body, &CardDataGuard::default());
        let text = serde_json::to_string(&failure.unwrap_err().0).unwrap();
        assert!(!text.contains("4242"), "{text}");
    }

    #[test]
    fn a_form_is_no_json() {
        let (body, guard) = (Bytes::from_static(b"{}"), CardDataGuard::default());
        let failure = read(CommandKind::CreatePayment, &HeaderMap::new(), &body, &guard);
        assert_eq!(failure.unwrap_err().0.code, "not_json");
    }
}
