//! Charge: one attempt to move money, and how much of it went back.

use super::event::Timestamp;
use super::id::{AccountId, ObjectId};
use super::money::{Currency, Minor};
use super::notification::{Notification, Topic};
use super::payment::FailureReason;
use super::transition::{self, Transition};

/// Stripe's `status` of a charge (docs.stripe.com, "The Charge object").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// With the bank.
    Pending,
    /// The money moved, or is authorised.
    Succeeded,
    /// It did not.
    Failed,
}

impl transition::Status for Status {
    const ALL: &'static [Self] = &[Self::Pending, Self::Succeeded, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    fn steps_to(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Succeeded | Self::Failed),
            // A bank debit can bounce after it had succeeded.
            Self::Succeeded => next == Self::Failed,
            Self::Failed => false,
        }
    }
}

/// All that Stripe says about a charge and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Stripe's status.
    pub status: Status,
    /// What was charged.
    pub amount: Minor,
    /// What was captured of it.
    pub amount_captured: Minor,
    /// What went back of it; falls again when a refund fails.
    pub amount_refunded: Minor,
    /// The currency of all three.
    pub currency: Currency,
    /// Whether it was captured, fully or in part.
    pub captured: bool,
    /// Stripe's word for "all of it went back".
    pub refunded: bool,
    /// Whether a dispute was opened.
    pub disputed: bool,
    /// The payment that it belongs to.
    pub payment_intent: Option<ObjectId>,
    /// Who paid.
    pub customer: Option<String>,
    /// With what.
    pub payment_method: Option<String>,
    /// Why it failed.
    pub failure: Option<FailureReason>,
    /// `outcome.type`: `authorized`, `issuer_declined`, `blocked`, ...
    pub outcome: Option<String>,
    /// Destination charges: where the money goes.
    pub transfer_destination: Option<AccountId>,
    /// What the platform keeps.
    pub application_fee_amount: Option<Minor>,
    /// The balance transaction, once there is one.
    pub balance_transaction: Option<String>,
    /// The team's own link to their rows, sorted by key.
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    pub created: Timestamp,
}

/// What the rules need to know of the row as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The status in the row.
    pub status: Status,
    /// What had gone back.
    pub amount_refunded: Minor,
}

/// Judges the observed status against the recorded one.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::judge(recorded.map(|r| r.status), observed.status)
}

/// The state facts that this step makes true.
#[must_use]
pub fn notifications(recorded: Option<&Recorded>, observed: &Observed) -> Vec<Notification> {
    let before = recorded.map_or(0, |r| r.amount_refunded);
    if observed.amount_refunded > before {
        vec![Notification::state(Topic::PaymentRefunded)]
    } else {
        Vec::new()
    }
}
