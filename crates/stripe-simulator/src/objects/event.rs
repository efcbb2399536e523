//! Event (docs.stripe.com, "The Event object"): what happened, with the object as it was then.

use std::time::Instant;

use serde_json::{Value, json};

use crate::scope::Scope;

use super::charge::Charge;
use super::document::{show, text};
use super::payment_intent::PaymentIntent;
use super::refund::Refund;

/// The object of an event as it was at that moment.
///
/// The object itself is kept and not its JSON, because each endpoint sees it in its own version.
#[derive(Debug, Clone)]
pub(crate) enum Snapshot {
    PaymentIntent(Box<PaymentIntent>, Option<Box<Charge>>),
    Charge(Box<Charge>, Vec<Refund>),
    Refund(Box<Refund>),
    /// An object of billing, with what is shown only where it is asked for.
    Document(Value),
    /// An object that the simulator has no state of.
    Other(Value),
}

impl Snapshot {
    fn render(&self, version: &str) -> Value {
        match self {
            Self::PaymentIntent(payment, charge) => payment.render(version, charge.as_deref()),
            Self::Charge(charge, refunds) => {
                charge.render(version, &refunds.iter().collect::<Vec<_>>())
            }
            Self::Refund(refund) => refund.render(),
            Self::Document(value) => show(value, std::iter::empty()),
            Self::Other(value) => value.clone(),
        }
    }

    /// The id of the object.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::PaymentIntent(payment, _) => &payment.id,
            Self::Charge(charge, _) => &charge.id,
            Self::Refund(refund) => &refund.id,
            Self::Document(value) | Self::Other(value) => text(value, "id"),
        }
    }

    /// The object as a read showed it when it was like this.
    pub(crate) fn read<'a>(&self, version: &str, wanted: impl Iterator<Item = &'a str>) -> Value {
        match self {
            Self::Document(value) => show(value, wanted),
            Self::PaymentIntent(..) | Self::Charge(..) | Self::Refund(_) | Self::Other(_) => {
                self.render(version)
            }
        }
    }
}

/// Which request made an event; both none where Stripe itself did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cause {
    pub(crate) request: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) created: i64,
    /// The same moment by the machine's clock, and finer.
    pub(crate) made: Instant,
    pub(crate) scope: Scope,
    pub(crate) snapshot: Snapshot,
    pub(crate) previous: Option<Value>,
    pub(crate) cause: Cause,
}

impl Event {
    /// The event in one version of the API, `pending` endpoints being yet to acknowledge it.
    pub(crate) fn render(&self, version: &str, pending: usize) -> Value {
        let mut value = json!({
            "id": self.id,
            "object": "event",
            "api_version": version,
            "created": self.created,
            "data": { "object": self.snapshot.render(version) },
            "livemode": self.scope.livemode,
            "pending_webhooks": pending,
            "request": {
                "id": self.cause.request,
                "idempotency_key": self.cause.idempotency_key,
            },
            "type": self.kind,
        });
        if let Some(previous) = &self.previous {
            value["data"]["previous_attributes"] = previous.clone();
        }
        if let Some(account) = &self.scope.account {
            value["account"] = json!(account);
        }
        value
    }
}
