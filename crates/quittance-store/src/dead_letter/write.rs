//! Giving an event up: ledger row, letter and attempt in one transaction.

use tokio::time::timeout;

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{DeadLetterId, DeadLetterReason};
use crate::attempt::Attempt;
use crate::columns::account;
use crate::connect::Store;
use crate::error::StoreError;
use crate::settlement::Receipt;
use quittance_domain::event::{Event, Timestamp, is_storable_time};
use quittance_domain::failure::Failure;
use quittance_domain::fingerprint;
use quittance_domain::id::{ObjectId, Scope};
use quittance_domain::surrogates;
use quittance_redaction::{self, Redacted, Rules};

/// A job that is given up.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDeadLetter {
    /// What is known of its event.
    pub event: DeadEvent,
    /// How it came in.
    pub receipt: Receipt,
    /// The lane that it came by, and goes back to on a retry.
    pub lane: String,
    /// Why it is given up.
    pub reason: DeadLetterReason,
    /// The last attempt.
    pub attempt: Attempt,
    /// The last failure.
    pub failure: Failure,
    /// The body as it was received. Redacted here; kept only if it is JSON.
    pub body: Bytes,
}

/// What is known of an event that may not even have been readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadEvent {
    /// Its id; for a body that gives none, [`DeadEvent::unreadable`] makes a stand-in.
    pub key: String,
    /// Its type.
    pub event_type: Option<String>,
    /// The version of its snapshot.
    pub api_version: Option<String>,
    /// Account and mode.
    pub scope: Option<Scope>,
    /// When Stripe made it.
    pub created: Option<Timestamp>,
    /// Stripe's `object`.
    pub object_kind: Option<String>,
    /// The object's id.
    pub object_id: Option<String>,
}

impl DeadEvent {
    /// An event that does not even say its id: the hash of its body stands for it, so that the
    /// same body is one letter however often it comes.
    #[must_use]
    pub fn unreadable(body: &[u8]) -> Self {
        Self {
            key: format!("sha256:{}", sha256(body)),
            event_type: None,
            api_version: None,
            scope: None,
            created: None,
            object_kind: None,
            object_id: None,
        }
    }
}

/// Longest text that an index of ours is sure to take.
const LONGEST: usize = 255;

/// The text as Postgres and its indexes can hold it.
pub(crate) fn storable_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}").chars().take(LONGEST).collect()
}

impl DeadEvent {
    /// The same as Postgres can hold it: who could not read an event does not know what is in it.
    pub(crate) fn storable(&self) -> Self {
        let text = |text: &String| storable_text(text);
        Self {
            key: text(&self.key),
            event_type: self.event_type.as_ref().map(text),
            api_version: self.api_version.as_ref().map(text),
            scope: self.scope.clone(),
            created: self.created.filter(|at| is_storable_time(*at)),
            object_kind: self.object_kind.as_ref().map(text),
            object_id: self.object_id.as_ref().map(text),
        }
    }
}

impl From<&Event> for DeadEvent {
    fn from(event: &Event) -> Self {
        let about = event.about.as_ref();
        Self {
            key: event.id.as_str().to_owned(),
            event_type: Some(event.event_type.to_string()),
            api_version: event.api_version.as_deref().map(str::to_owned),
            scope: Some(event.scope.clone()),
            created: Some(event.created),
            object_kind: about.map(|about| about.object.to_string()),
            object_id: about.and_then(|about| about.id.as_ref()).map(|id| id.as_str().to_owned()),
        }
    }
}

fn sha256(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

/// The body as it may be kept. What is not JSON cannot be redacted, so nothing of it is kept: its
/// hash and length say whether two bodies are the same, and Stripe can send it again.
fn payload(body: &[u8], rules: &Rules) -> Option<Redacted> {
    let value = surrogates::read(body, |body| serde_json::from_slice(body)).ok()?;
    Some(rules.redact(value))
}

/// What a failure says, and what it has in common with others.
pub(crate) struct Words {
    pub(crate) message: String,
    pub(crate) cause: String,
    pub(crate) fingerprint: String,
}

/// The words for a failure. What is secret in its message is in none of them.
pub(crate) fn words(class: &str, code: &str, message: String) -> Words {
    let message = quittance_redaction::strip_text(message);
    let cause = fingerprint::cause(&message);
    let fingerprint = fingerprint::fingerprint(class, code, &cause);
    Words { message, cause, fingerprint }
}

/// The customer that an event's object is or belongs to, if the event says so.
fn customer_of(event: &Value) -> Option<String> {
    // A thin event only names its object.
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
    /// Writes the ledger row, the letter and the attempt of a job that is given up. Writing it
    /// again, after a crash between this and the acknowledgement, leaves one letter; so does an
    /// event that dies again on a retry, whose letter is open again.
    ///
    /// `None`: the event has settled meanwhile, so there is nothing to give up.
    ///
    /// # Errors
    /// Postgres; then nothing is written, and the job must not be acknowledged.
    pub async fn dead_letter(
        &self,
        letter: &NewDeadLetter,
    ) -> Result<Option<DeadLetterId>, StoreError> {
        let NewDeadLetter { event, receipt, lane, reason, attempt, failure, body } = letter;
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
        );
        let answer = timeout(self.patience, query.fetch_optional(&mut *connection)).await;
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

    #[test]
    fn an_unreadable_body_has_one_key() {
        assert_eq!(
            DeadEvent::unreadable(b"abc").key,
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
