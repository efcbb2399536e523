//! What each kind of object is in columns. One file a kind; the names are those of the row type in
//! its SQL function, `quittance.write_...`.

mod account;
mod charge;
mod dispute;
mod invoice;
mod payment_intent;
mod payout;
mod price;
mod product;
mod refund;
mod subscription;
mod subscription_schedule;

mod checkout_session;
mod customer;
mod payment_method;
mod setup_intent;

use serde_json::{Map, Value, json};

use super::error::StoreError;
use quittance_domain::event::About;
use quittance_domain::id::{ObjectId, Scope};
use quittance_domain::object::{Kind, Observed, Recorded, Subject};
use quittance_domain::payment::FailureReason;
use quittance_domain::transition::{Status, StatusWord};

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
        Observed::Customer(o) => customer::columns(o),
        Observed::SetupIntent(o) => setup_intent::columns(o),
        Observed::CheckoutSession(o) => checkout_session::columns(o),
        Observed::PaymentMethod(o) => payment_method::columns(o),
        Observed::Dispute(o) => dispute::columns(o),
        Observed::Payout(o) => payout::columns(o),
        Observed::Account(o) => account::columns(o),
        Observed::Subscription(o) => subscription::columns(o),
        Observed::Invoice(o) => invoice::columns(o),
        Observed::Product(o) => product::columns(o),
        Observed::Price(o) => price::columns(o),
        Observed::SubscriptionSchedule(o) => subscription_schedule::columns(o),
        Observed::Mirrored(_) => json!({}),
    }
}

/// What a notification says of its object besides the topic.
pub(super) fn facts(observed: &Observed) -> Value {
    match observed {
        Observed::PaymentIntent(o) => payment_intent::facts(o),
        Observed::Charge(o) => charge::facts(o),
        Observed::Refund(o) => refund::facts(o),
        Observed::Customer(o) => customer::facts(o),
        Observed::SetupIntent(o) => setup_intent::facts(o),
        Observed::CheckoutSession(o) => checkout_session::facts(o),
        Observed::PaymentMethod(o) => payment_method::facts(o),
        Observed::Dispute(o) => dispute::facts(o),
        Observed::Payout(o) => payout::facts(o),
        Observed::Account(o) => account::facts(o),
        Observed::Subscription(o) => subscription::facts(o),
        Observed::Invoice(o) => invoice::facts(o),
        Observed::Product(o) => product::facts(o),
        Observed::Price(o) => price::facts(o),
        Observed::SubscriptionSchedule(o) => subscription_schedule::facts(o),
        Observed::Mirrored(_) => json!({}),
    }
}

/// What the rules will want to know of the row, as it is kept beside it.
pub(super) fn remembered(observed: &Observed) -> Value {
    match observed {
        Observed::PaymentIntent(o) => payment_intent::remembered(o),
        Observed::Charge(o) => charge::remembered(o),
        Observed::Refund(o) => refund::remembered(o),
        Observed::Customer(o) => customer::remembered(o),
        Observed::SetupIntent(o) => setup_intent::remembered(o),
        Observed::CheckoutSession(o) => checkout_session::remembered(o),
        Observed::PaymentMethod(o) => payment_method::remembered(o),
        Observed::Dispute(o) => dispute::remembered(o),
        Observed::Payout(o) => payout::remembered(o),
        Observed::Account(o) => account::remembered(o),
        Observed::Subscription(o) => subscription::remembered(o),
        Observed::Invoice(o) => invoice::remembered(o),
        Observed::Product(o) => product::remembered(o),
        Observed::Price(o) => price::remembered(o),
        Observed::SubscriptionSchedule(o) => subscription_schedule::remembered(o),
        Observed::Mirrored(_) => Value::Null,
    }
}

/// What was kept beside a row for the rules.
pub(super) struct Stored<'a>(pub(super) &'a Value);

impl Stored<'_> {
    /// Whatever was recorded can be read again: also a word that no state machine knows.
    fn status<S: Status>(&self) -> Result<StatusWord<S>, StoreError> {
        let text = self.0.get("status").and_then(Value::as_str);
        text.map(StatusWord::recorded)
            .ok_or(StoreError::Unreadable { what: "objects.recorded.status" })
    }

    fn number(&self, key: &str) -> Result<i64, StoreError> {
        let number = self.0.get(key).and_then(Value::as_i64);
        number.ok_or(StoreError::Unreadable { what: "a number of objects.recorded" })
    }
}

impl Stored<'_> {
    fn flag(&self, key: &str) -> Result<bool, StoreError> {
        let flag = self.0.get(key).and_then(Value::as_bool);
        flag.ok_or(StoreError::Unreadable { what: "a flag of objects.recorded" })
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, StoreError> {
        let list = self.0.get(key).and_then(Value::as_array);
        let texts =
            list.and_then(|list| list.iter().map(|v| v.as_str().map(str::to_owned)).collect());
        texts.ok_or(StoreError::Unreadable { what: "a list of objects.recorded" })
    }
}

/// Reads what was kept.
pub(super) fn recorded(kind: Kind, stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    match kind {
        Kind::PaymentIntent => payment_intent::recorded(stored).map(Recorded::PaymentIntent),
        Kind::Charge => charge::recorded(stored).map(Recorded::Charge),
        Kind::Refund => refund::recorded(stored).map(Recorded::Refund),
        Kind::Customer => customer::recorded(stored).map(Recorded::Customer),
        Kind::SetupIntent => setup_intent::recorded(stored).map(Recorded::SetupIntent),
        Kind::CheckoutSession => checkout_session::recorded(stored).map(Recorded::CheckoutSession),
        Kind::PaymentMethod => payment_method::recorded(stored).map(Recorded::PaymentMethod),
        Kind::Dispute => dispute::recorded(stored).map(Recorded::Dispute),
        Kind::Payout => payout::recorded(stored).map(Recorded::Payout),
        Kind::Account => account::recorded(stored).map(Recorded::Account),
        Kind::Subscription => subscription::recorded(stored).map(Recorded::Subscription),
        Kind::Invoice => invoice::recorded(stored).map(Recorded::Invoice),
        Kind::Product => product::recorded(stored).map(Recorded::Product),
        Kind::Price => price::recorded(stored).map(Recorded::Price),
        Kind::SubscriptionSchedule => {
            subscription_schedule::recorded(stored).map(Recorded::SubscriptionSchedule)
        }
        Kind::Mirrored(mirror) => Ok(Recorded::Mirrored(mirror)),
    }
}

/// The names of the locks that a write of this object needs: its own, and the payment's whose
/// sums it changes.
pub(super) fn locks(subject: &Subject, observed: Option<&Observed>) -> Vec<String> {
    let mut names = vec![lock(&subject.scope, subject.kind.as_str(), subject.id.as_str())];
    let payment = match observed {
        Some(Observed::Charge(o)) => o.payment_intent.as_ref(),
        Some(
            Observed::PaymentIntent(_)
            | Observed::Refund(_)
            | Observed::Customer(_)
            | Observed::SetupIntent(_)
            | Observed::CheckoutSession(_)
            | Observed::PaymentMethod(_)
            | Observed::Dispute(_)
            | Observed::Payout(_)
            | Observed::Account(_)
            | Observed::Subscription(_)
            | Observed::Invoice(_)
            | Observed::Product(_)
            | Observed::Price(_)
            | Observed::SubscriptionSchedule(_)
            | Observed::Mirrored(_),
        )
        | None => None,
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

pub(super) fn metadata(pairs: &[(String, String)]) -> Value {
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
