//! An event: its envelope, and the subject that it points at.

use super::failure_reason::FailureReason;
use super::id::{AccountId, EventId, Mode, ObjectId, Scope};
use super::money::{Currency, Minor};
use super::owner::Parent;
pub use super::timestamp::{Timestamp, is_storable_time};

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
    pub owner: Option<Parent>,
    /// Why an attempt failed, where the event is told by itself: by the time someone looks at the object,
    /// the next attempt may have succeeded.
    pub failure: Option<FailureReason>,
    /// Whether the object lives by a test clock (docs.stripe.com, "Test your Billing integration with
    /// test clocks"). Then the time of its event may be that clock's, and says nothing of what a look at
    /// the object has seen.
    pub by_test_clock: bool,
    /// What the event shows of its object, where the event is told by itself.
    pub shown: Option<Box<Shown>>,
}

/// What an object was when its event was made, for those who are told of the event: by the time
/// someone looks at the object, it is something else. Links, numbers and times, and the team's own
/// link; each only where the object has it. Amounts are in the currency's smallest unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Of a payment, or of a dispute: what is disputed.
    pub amount: Option<Minor>,
    /// Of an invoice.
    pub amount_due: Option<Minor>,
    /// Of a checkout.
    pub amount_total: Option<Minor>,
    /// The currency of these.
    pub currency: Option<Currency>,
    /// Whose it is.
    pub customer: Option<ObjectId>,
    /// The charge that is disputed.
    pub charge: Option<ObjectId>,
    /// The payment that it belongs to.
    pub payment_intent: Option<ObjectId>,
    /// The subscription that an invoice or a checkout is for.
    pub subscription: Option<ObjectId>,
    /// How often an invoice was tried.
    pub attempt_count: Option<i64>,
    /// When an invoice is tried again; none: it is not.
    pub next_payment_attempt: Option<Timestamp>,
    /// When a trial ends.
    pub trial_end: Option<Timestamp>,
    /// The team's own link to their rows.
    pub metadata: Option<Vec<(String, String)>>,
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
