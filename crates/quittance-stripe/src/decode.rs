//! From bytes to a typed object that is the one that was asked for.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::StripeError;
use crate::domain::mirror::Mirror;
use crate::domain::object::Subject;

/// Parses the body. Done once; the typed object is made from the same value that is kept.
pub(crate) fn json(body: &[u8], request_id: Option<&str>) -> Result<Value, StripeError> {
    // serde_json's own message about bad *syntax* holds a position and no content.
    serde_json::from_slice(body).map_err(|error| StripeError::NotJson {
        problem: error.to_string(),
        request_id: request_id.map(str::to_owned),
    })
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
        && let Some(kind) = mirror.and_then(|mirror| mirror.owner(owner.as_str()))
        && let Some(answered) = value[kind.field()].as_str()
        && answered != owner.as_str()
    {
        return wrong(kind.field(), owner.as_str(), Some(answered));
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

/// Makes the typed object, or names the path of the field that does not fit.
pub(crate) fn typed<T: DeserializeOwned>(
    value: &Value,
    request_id: Option<&str>,
) -> Result<T, StripeError> {
    // Keeping track of the path costs as much again, and nearly every object fits.
    T::deserialize(value).or_else(|_| {
        serde_path_to_error::deserialize(value).map_err(|error| StripeError::Undecodable {
            path: error.path().to_string(),
            problem: without_content(&error.inner().to_string()),
            request_id: request_id.map(str::to_owned),
        })
    })
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
    use crate::domain::id::{Mode, ObjectId, Scope};
    use crate::domain::object::Kind;

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
        let value = json!({"id": "pi_1", "amount": "joe@example.com"});
        let error = typed::<stripe_shared::PaymentIntent>(&value, Some("req_1")).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("cannot decode the answer: amount: invalid type"), "{text}");
        assert!(!text.contains("joe"), "{text}");
        assert_eq!(error.failure().code, "stripe_undecodable");
        assert_eq!(error.failure().request_id.as_deref(), Some("req_1"));
    }
}
