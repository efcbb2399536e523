//! What each kind of object is in columns. One file a kind; the names are those of the row type in
//! its SQL function, `quittance.write_...`.

mod charge;
mod payment_intent;
mod refund;

use serde_json::{Map, Value, json};

use super::error::StoreError;
use crate::domain::event::About;
use crate::domain::id::{ObjectId, Scope};
use crate::domain::object::{Kind, Observed, Recorded, Subject};
use crate::domain::payment::FailureReason;
use crate::domain::transition::Status;

/// The account as it is stored: empty for our own.
pub(super) fn account(scope: &Scope) -> &str {
    scope.account.as_ref().map_or("", |account| account.as_str())
}

/// The columns of an observation, but for those that every kind shares.
pub(super) fn of(observed: &Observed) -> Value {
    match observed {
        Observed::PaymentIntent(o) => payment_intent::columns(o),
        Observed::Charge(o) => charge::columns(o),
        Observed::Refund(o) => refund::columns(o),
        Observed::Mirrored(_) => json!({}),
    }
}

/// What a notification says of its object besides the topic.
pub(super) fn facts(observed: &Observed) -> Value {
    match observed {
        Observed::PaymentIntent(o) => payment_intent::facts(o),
        Observed::Charge(o) => charge::facts(o),
        Observed::Refund(o) => refund::facts(o),
        Observed::Mirrored(_) => json!({}),
    }
}

/// What the rules will want to know of the row, as it is kept beside it.
pub(super) fn remembered(observed: &Observed) -> Value {
    match observed {
        Observed::PaymentIntent(o) => payment_intent::remembered(o),
        Observed::Charge(o) => charge::remembered(o),
        Observed::Refund(o) => refund::remembered(o),
        Observed::Mirrored(_) => Value::Null,
    }
}

/// What was kept beside a row for the rules.
pub(super) struct Stored<'a>(pub(super) &'a Value);

impl Stored<'_> {
    fn status<S: Status>(&self) -> Result<S, StoreError> {
        let text = self.0.get("status").and_then(Value::as_str);
        text.and_then(S::parse).ok_or(StoreError::Unreadable { what: "objects.recorded.status" })
    }

    fn number(&self, key: &str) -> Result<i64, StoreError> {
        let number = self.0.get(key).and_then(Value::as_i64);
        number.ok_or(StoreError::Unreadable { what: "a number of objects.recorded" })
    }
}

/// Reads what was kept.
pub(super) fn recorded(kind: Kind, stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    match kind {
        Kind::PaymentIntent => payment_intent::recorded(stored).map(Recorded::PaymentIntent),
        Kind::Charge => charge::recorded(stored).map(Recorded::Charge),
        Kind::Refund => refund::recorded(stored).map(Recorded::Refund),
        Kind::Mirrored(mirror) => Ok(Recorded::Mirrored(mirror)),
    }
}

/// The names of the locks that a write of this object needs: its own, and the payment's whose
/// sums it changes.
pub(super) fn locks(subject: &Subject, observed: Option<&Observed>) -> Vec<String> {
    let mut names = vec![lock(&subject.scope, subject.kind.as_str(), subject.id.as_str())];
    let payment = match observed {
        Some(Observed::Charge(o)) => o.payment_intent.as_ref(),
        Some(Observed::PaymentIntent(_) | Observed::Refund(_) | Observed::Mirrored(_)) | None => {
            None
        }
    };
    names.extend(payment.map(|id| lock(&subject.scope, Kind::PaymentIntent.as_str(), id.as_str())));
    names
}

/// The lock of the object that an event tells something about by itself: its place in the order of
/// that object's notifications.
pub(super) fn lock_of_event(scope: &Scope, about: &About) -> Option<String> {
    about.id.as_ref().map(|id| lock(scope, &about.object, id.as_str()))
}

fn lock(scope: &Scope, kind: &str, id: &str) -> String {
    format!("{}:{}:{kind}:{id}", account(scope), scope.mode.as_str())
}

fn metadata(pairs: &[(String, String)]) -> Value {
    Value::Object(pairs.iter().map(|(k, v)| (k.clone(), json!(v))).collect::<Map<_, _>>())
}

fn id(id: Option<&ObjectId>) -> Option<&str> {
    id.map(ObjectId::as_str)
}

struct Failed<'a> {
    code: Option<&'a str>,
    decline_code: Option<&'a str>,
    message: Option<&'a str>,
}

fn failure(reason: Option<&FailureReason>) -> Failed<'_> {
    let Some(FailureReason { code, decline_code, message }) = reason else {
        return Failed { code: None, decline_code: None, message: None };
    };
    Failed {
        code: code.as_deref(),
        decline_code: decline_code.as_deref(),
        message: message.as_deref(),
    }
}
