//! The kinds of object that have a state machine, gathered.
//!
//! A new kind is one file beside this one and one arm in each match here; the compiler finds them.

use super::event::{Event, Timestamp};
use super::id::{ObjectId, Scope};
use super::notification::Notification;
use super::transition::Transition;
use super::{charge, payment, refund};

/// A kind of object that we reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `payment_intent`
    PaymentIntent,
    /// `charge`
    Charge,
    /// `refund`
    Refund,
}

impl Kind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[Self::PaymentIntent, Self::Charge, Self::Refund];

    /// Stripe's `object`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaymentIntent => "payment_intent",
            Self::Charge => "charge",
            Self::Refund => "refund",
        }
    }

    /// From Stripe's `object`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.as_str() == text)
    }
}

/// One object, wherever it is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// Account and mode.
    pub scope: Scope,
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: ObjectId,
}

/// The objects that an event asks us to look at, the one that it is about first.
///
/// Empty: an event of a kind that we do not handle. A refund also changes what its charge says
/// went back, and Stripe sends no event of the charge when a refund *fails*; so a refund's event
/// looks at both.
#[must_use]
pub fn subjects(event: &Event) -> Vec<Subject> {
    let Some(about) = &event.about else { return Vec::new() };
    let (Some(kind), Some(id)) = (Kind::parse(&about.object), &about.id) else { return Vec::new() };
    let subject =
        |kind, id: &ObjectId| Subject { scope: event.scope.clone(), kind, id: id.clone() };
    let mut all = vec![subject(kind, id)];
    match kind {
        Kind::Refund => {
            all.extend(about.charge.as_ref().map(|charge| subject(Kind::Charge, charge)))
        }
        Kind::PaymentIntent | Kind::Charge => {}
    }
    all
}

/// What Stripe says about an object, in columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// A payment.
    PaymentIntent(Box<payment::Observed>),
    /// A charge.
    Charge(Box<charge::Observed>),
    /// A refund.
    Refund(Box<refund::Observed>),
}

/// What the rules know of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// A payment.
    PaymentIntent(payment::Recorded),
    /// A charge.
    Charge(charge::Recorded),
    /// A refund.
    Refund(refund::Recorded),
}

/// A row as the road sees it, whatever its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Raised by one with each write; the compare-and-set token.
    pub version: i64,
    /// Stripe's clock when the fetch behind this row began, floored to the second.
    pub observed_at: Timestamp,
    /// A tombstone: Stripe says that the object is deleted, and a deleted object never comes back.
    pub deleted: bool,
    /// The state; none for a tombstone of an object that was never seen alive.
    pub recorded: Option<Recorded>,
}

/// The two halves of a decision do not speak of the same kind. A bug, not a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the row is of another kind than the observation")]
pub struct KindMismatch;

/// Judges an observation against the row, and says what to tell.
///
/// # Errors
/// The row is of another kind than the observation.
pub fn decide(
    recorded: Option<&Recorded>,
    observed: &Observed,
) -> Result<(Transition, Vec<Notification>), KindMismatch> {
    match (observed, recorded) {
        (Observed::PaymentIntent(o), None) => {
            Ok((payment::transition(None, o), payment::notifications(None, o)))
        }
        (Observed::PaymentIntent(o), Some(Recorded::PaymentIntent(r))) => {
            Ok((payment::transition(Some(r), o), payment::notifications(Some(r), o)))
        }
        (Observed::Charge(o), None) => {
            Ok((charge::transition(None, o), charge::notifications(None, o)))
        }
        (Observed::Charge(o), Some(Recorded::Charge(r))) => {
            Ok((charge::transition(Some(r), o), charge::notifications(Some(r), o)))
        }
        (Observed::Refund(o), None) => {
            Ok((refund::transition(None, o), refund::notifications(None, o)))
        }
        (Observed::Refund(o), Some(Recorded::Refund(r))) => {
            Ok((refund::transition(Some(r), o), refund::notifications(Some(r), o)))
        }
        (Observed::PaymentIntent(_), Some(Recorded::Charge(_) | Recorded::Refund(_)))
        | (Observed::Charge(_), Some(Recorded::PaymentIntent(_) | Recorded::Refund(_)))
        | (Observed::Refund(_), Some(Recorded::PaymentIntent(_) | Recorded::Charge(_))) => {
            Err(KindMismatch)
        }
    }
}
