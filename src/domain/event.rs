//! What an event says about itself, before anyone looks at its object.

use super::id::{AccountId, EventId, Mode, ObjectId, Scope};
use super::payment::FailureReason;

/// Whole seconds since 1970, on Stripe's clock.
///
/// Stripe's `created` has no finer resolution (docs.stripe.com, "The Event object"), which is why
/// it alone never orders two events.
pub type Timestamp = i64;

/// A verified event, without its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `evt_...`: the key of the ledger.
    pub id: EventId,
    /// `payment_intent.succeeded` and its like.
    pub event_type: Box<str>,
    /// When Stripe made it.
    pub created: Timestamp,
    /// Account and mode in which its object lives.
    pub scope: Scope,
    /// The version in which the snapshot is rendered; none for thin events.
    pub api_version: Option<Box<str>>,
    /// What it is about.
    pub about: Option<About>,
}

/// The object that an event points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Stripe's `object`: `payment_intent`, `charge`, ...
    pub object: Box<str>,
    /// Its id; none for objects that are never stored, such as an upcoming invoice.
    pub id: Option<ObjectId>,
    /// Other objects that the same fact touches: a refund names its charge.
    pub charge: Option<ObjectId>,
    /// The payment that it belongs to.
    pub payment_intent: Option<ObjectId>,
    /// What it belongs to, for kinds that cannot be found without it (see [`super::mirror`]).
    pub owner: Option<ObjectId>,
    /// Why an attempt failed, where the event tells of one: by the time someone looks at the object,
    /// the next attempt may have succeeded.
    pub failure: Option<FailureReason>,
}

impl Event {
    /// Live or test.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.scope.mode
    }

    /// The connected account, or `None` for our own.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        self.scope.account.as_ref()
    }
}
