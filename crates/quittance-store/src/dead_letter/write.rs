//! Dead-lettering of an event: ledger row, dead letter and attempt in one transaction.

use tokio::time::timeout;

use bytes::Bytes;
use serde_json::Value;

use super::id::DeadLetterId;
use super::state::DeadLetterReason;
use crate::attempt::Attempt;
use crate::columns::account;
use crate::connect::Store;
use crate::dead_event::{DeadEvent, sha256, storable_text};
use crate::error::StoreError;
use crate::settlement::Receipt;
use quittance_domain::failure::Failure;
use quittance_domain::fingerprint;
use quittance_domain::id::ObjectId;
use quittance_domain::surrogates;
use quittance_redaction::{self, Redacted, Rules};

/// A job that is dead-lettered.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDeadLetter {
    /// Its event, as far as it could be read.
    pub event: DeadEvent,
    /// How it was received.
    pub receipt: Receipt,
    /// Its lane, to which a retry returns it.
    pub lane: String,
    /// The reason.
    pub reason: DeadLetterReason,
    /// The last attempt.
    pub attempt: Attempt,
    /// The last failure.
    pub failure: Failure,
    /// The body as received. It is redacted here, and stored only if it is JSON.
    pub body: Bytes,
}

/// The body as it may be stored. A body that is not JSON cannot be redacted, so it is not stored: its hash and
/// length show whether two bodies are the same, and Stripe can send it again.
fn payload(body: &[u8], rules: &Rules) -> Option<Redacted> {
    let value = surrogates::read(body, |body| serde_json::from_slice(body)).ok()?;
    Some(rules.redact(value))
}

/// Text and fingerprint of a failure.
pub(crate) struct Words {
    pub(crate) message: String,
    pub(crate) cause: String,
    pub(crate) fingerprint: String,
}

/// The texts of a failure, without secrets.
pub(crate) fn words(class: &str, code: &str, message: String) -> Words {
    let message = quittance_redaction::strip_text(message);
    let cause = fingerprint::cause(&message);
    let fingerprint = fingerprint::fingerprint(class, code, &cause);
    Words { message, cause, fingerprint }
}

/// The customer that an event's object is or belongs to, if the event names it.
fn customer_of(event: &Value) -> Option<String> {
    // A thin event contains only the object's id.
    let object = event.pointer("/data/object").or_else(|| event.get("related_object"))?;
    let kind = object.get("object").or_else(|| object.get("type")).and_then(Value::as_str);
    let id = |value: &Value| ObjectId::parse(value.as_str()?).ok().map(|id| id.to_string());
    if kind == Some("customer") {
        return object.get("id").and_then(id);
    }
    let customer = object.get("customer")?;
    id(customer).or_else(|| customer.get("id").and_then(id))
}

impl Store {
    /// Writes the ledger row, the dead letter and the attempt of a job that is dead-lettered. If this is repeated, after
    /// a crash before the acknowledgement, there is still one dead letter. If a retry fails, its dead letter is open
    /// again.
    ///
    /// `None`: the event was processed in the meantime, so there is nothing to dead-letter.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; nothing is written then, and the job must not be
    /// acknowledged.
    pub async fn dead_letter(
        &self,
        dead_letter: &NewDeadLetter,
    ) -> Result<Option<DeadLetterId>, StoreError> {
        let NewDeadLetter { event, receipt, lane, reason, attempt, failure, body } = dead_letter;
        let (event, receipt) = (event.storable(), receipt.storable());
        let event_type = event.event_type.as_deref();
        let attempt = Attempt { failure: Some(failure.clone()), ..attempt.clone() }.to_json();
        let Words { message, cause, fingerprint } =
            words(failure.class.as_str(), &failure.code, failure.message());
        let payload = payload(body, &self.rules);
        let customer = payload.as_deref().and_then(customer_of);
        let payload = payload.map(Redacted::into_value);
        let mut connection = self.connection().await?;
        let query = sqlx::query_file_scalar!(
            "src/dead_letter/write.sql",
            event.key,
            event_type,
            event.api_version.as_deref(),
            event.scope.as_ref().map(account),
            event.scope.as_ref().map(|scope| scope.mode.is_live()),
            event.created,
            receipt.endpoint,
            receipt.received_at_ms,
            receipt.secret_index.and_then(|index| i32::try_from(index).ok()),
            event.object_kind.as_deref(),
            event.object_id.as_deref(),
            attempt,
            lane,
            reason.as_str(),
            failure.class.as_str(),
            storable_text(&failure.code),
            message,
            fingerprint,
            payload,
            sha256(body),
            i64::try_from(body.len()).unwrap_or(i64::MAX),
            cause,
            customer,
            receipt.source,
        );
        let answer = timeout(self.patience, query.fetch_optional(connection.get()?)).await;
        let id = self.answered(connection, answer)?;
        Ok(id.map(DeadLetterId))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_not_json_is_not_kept() {
        assert_eq!(payload(b"client_secret=pi_1_secret_x", &Rules::default()), None);
        let kept = payload(b"{\"client_secret\":\"x\",\"a\":1}", &Rules::default()).unwrap();
        assert_eq!(*kept, serde_json::json!({"a": 1}));
        let kept = payload(br#"{"a":"no \ud83d"}"#, &Rules::default()).unwrap();
        assert_eq!(*kept, serde_json::json!({"a": "no \u{fffd}"}));
    }

    #[test]
    fn the_customer_is_the_object_itself_or_what_it_belongs_to() {
        let of = |object: Value| customer_of(&serde_json::json!({"data": {"object": object}}));
        let json = |text: &str| serde_json::from_str(text).unwrap();
        assert_eq!(of(json(r#"{"object":"customer","id":"cus_1"}"#)).as_deref(), Some("cus_1"));
        assert_eq!(of(json(r#"{"object":"charge","customer":"cus_1"}"#)).as_deref(), Some("cus_1"));
        let expanded = json(r#"{"object":"charge","customer":{"id":"cus_1"}}"#);
        assert_eq!(of(expanded).as_deref(), Some("cus_1"));
        assert_eq!(of(json(r#"{"object":"charge","customer":null}"#)), None);
        let thin = json(r#"{"related_object":{"type":"customer","id":"cus_1"}}"#);
        assert_eq!(customer_of(&thin).as_deref(), Some("cus_1"));
        assert_eq!(customer_of(&json("[]")), None);
    }
}
