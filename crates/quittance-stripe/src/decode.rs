//! From bytes to an object that is the one that was asked for, and what it says.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::error::StripeError;
use quittance_domain::mirror::Mirror;
use quittance_domain::object::{Kind, Observed, Subject};
use quittance_domain::surrogates;

/// Parses the body. Done once; the narrow struct is read from the same value that is kept.
pub(crate) fn json(body: &[u8], request_id: Option<&str>) -> Result<Value, StripeError> {
    let request_id = || request_id.map(str::to_owned);
    let error = match surrogates::read(body, |body| serde_json::from_slice(body)) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    // Not all that JSON allows can be held: a number can be too large, and lists too deep. Such an
    // answer is Stripe's all the same, and no repetition makes it another.
    if serde_json::from_slice::<IgnoredAny>(body).is_ok() {
        let body = surrogates::replace_unpaired(body);
        let mut json = serde_json::Deserializer::from_slice(&body);
        if let Err(error) = serde_path_to_error::deserialize::<_, Value>(&mut json) {
            let (path, problem) = (error.path().to_string(), error.inner().to_string());
            return Err(StripeError::Undecodable { path, problem, request_id: request_id() });
        }
    }
    // serde_json's own message about bad *syntax* holds a position and no content.
    Err(StripeError::NotJson { problem: error.to_string(), request_id: request_id() })
}

/// Refuses an answer about something else: a proxy's mix-up, or a key of another mode, must not
/// write one object's state into another's row.
pub(crate) fn check_identity(
    value: &Value,
    subject: &Subject,
    request_id: Option<&str>,
) -> Result<(), StripeError> {
    let wrong = |field, asked: &str, answered: Option<&str>| {
        Err(StripeError::WrongObject {
            field,
            asked: asked.to_owned(),
            answered: answered.unwrap_or("nothing").chars().take(100).collect(),
            request_id: request_id.map(str::to_owned),
        })
    };
    let mirror = subject.kind.mirror();
    let object = value["object"].as_str();
    let expected = mirror.map_or(subject.kind.as_str(), Mirror::answers);
    if object != Some(expected) {
        return wrong("object", expected, object);
    }
    let id = value["id"].as_str();
    if id != Some(subject.id.as_str()) && !mirror.is_some_and(Mirror::is_single) {
        return wrong("id", subject.id.as_str(), id);
    }
    // Some ids, `card_payments` of a capability, mean something only together with the owner's.
    if let Some(owner) = &subject.owner
        && let Some(answered) = value[owner.field.field()].as_str()
        && answered != owner.id.as_str()
    {
        return wrong(owner.field.field(), owner.id.as_str(), Some(answered));
    }
    // A refund has no `livemode`, and neither has a deleted object; then the id has to do.
    match value["livemode"].as_bool() {
        Some(live) if live != subject.scope.mode.is_live() => {
            let word = |live: bool| if live { "true" } else { "false" };
            wrong("livemode", word(subject.scope.mode.is_live()), Some(word(live)))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether Stripe says `{"deleted": true}` in the object's place.
pub(crate) fn is_deleted(value: &Value) -> bool {
    value["deleted"].as_bool() == Some(true)
}

/// What the JSON of a living object says, read by the narrow struct of its kind; or the path of the
/// field that does not fit.
pub(crate) fn observe(
    kind: Kind,
    raw: &Value,
    request_id: Option<&str>,
) -> Result<Observed, StripeError> {
    // Keeping track of the path costs as much again, and nearly every object fits.
    Observed::read(kind, raw).or_else(|_| {
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(raw, &mut track);
        Observed::read(kind, tracked)
            .map_err(|error| undecodable(&track.path(), &error, request_id))
    })
}

/// The same for what is no object of a kind.
pub(crate) fn typed<T: DeserializeOwned>(
    value: &Value,
    request_id: Option<&str>,
) -> Result<T, StripeError> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| undecodable(error.path(), error.inner(), request_id))
}

fn undecodable(
    path: &serde_path_to_error::Path,
    error: &serde_json::Error,
    request_id: Option<&str>,
) -> StripeError {
    StripeError::Undecodable {
        path: path.to_string(),
        problem: without_content(&error.to_string()),
        request_id: request_id.map(str::to_owned),
    }
}

/// serde quotes the text that it did not expect, which may be anybody's name or secret. The field's
/// path and the two types are what is needed.
fn without_content(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}\"…\"{}", &message[..first], &message[last + 1..])
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use quittance_domain::id::{Mode, ObjectId, Scope};

    fn subject() -> Subject {
        Subject {
            scope: Scope { account: None, mode: Mode::Test },
            kind: Kind::PaymentIntent,
            id: ObjectId::parse("pi_1").unwrap(),
            owner: None,
        }
    }

    fn fault(value: &Value) -> String {
        check_identity(value, &subject(), None).unwrap_err().to_string()
    }

    #[test]
    fn an_answer_about_something_else_is_refused() {
        let right = json!({"object": "payment_intent", "id": "pi_1", "livemode": false});
        check_identity(&right, &subject(), None).unwrap();
        for (key, other, text) in [
            (
                "object",
                json!("charge"),
                "asked for object payment_intent, but the answer says charge",
            ),
            ("id", json!("pi_2"), "asked for id pi_1, but the answer says pi_2"),
            ("id", json!(null), "asked for id pi_1, but the answer says nothing"),
            ("livemode", json!(true), "asked for livemode false, but the answer says true"),
        ] {
            let mut wrong = right.clone();
            wrong[key] = other;
            assert_eq!(fault(&wrong), text);
        }
        assert_eq!(
            fault(&json!([])),
            "asked for object payment_intent, but the answer says nothing"
        );
    }

    #[test]
    fn a_failed_decode_names_the_path_and_keeps_the_content_to_itself() {
        let value = json!({"id": "po_1", "method": {"name": "joe@example.com"}, "amount": 1});
        let error = observe(Kind::Payout, &value, Some("req_1")).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("cannot decode the answer: method: invalid type"), "{text}");
        let evidence = json!({"past_due": false, "has_evidence": true, "submission_count": "1"});
        let value = json!({"id": "dp_1", "evidence_details": evidence});
        let text = observe(Kind::Dispute, &value, None).unwrap_err().to_string();
        let place =
            "cannot decode the answer: evidence_details.submission_count: not a whole number";
        assert!(text.starts_with(place), "{text}");
        let value = json!({"id": "po_1", "automatic": "joe@example.com"});
        let text = observe(Kind::Payout, &value, None).unwrap_err().to_string();
        assert!(text.starts_with("cannot decode the answer: automatic: invalid type"), "{text}");
        assert!(!text.contains("joe"), "{text}");
        assert_eq!(error.failure().code, "stripe_undecodable");
        assert_eq!(error.failure().request_id.as_deref(), Some("req_1"));
    }

    #[test]
    fn half_a_character_is_replaced() {
        let value = json(br#"{"message":"no \ud83d"}"#, None).unwrap();
        assert_eq!(value, json!({"message": "no \u{fffd}"}));
    }

    #[test]
    fn a_number_that_nothing_can_hold_is_named_and_is_no_proxy_s_page() {
        let error = json(br#"{"a":{"amount":1e999}}"#, None).unwrap_err();
        assert!(error.to_string().starts_with("cannot decode the answer: a.amount: "), "{error}");
        assert_eq!(error.failure().code, "stripe_undecodable");
        assert_eq!(json(b"<html>", None).unwrap_err().failure().code, "stripe_not_json");
    }
}
