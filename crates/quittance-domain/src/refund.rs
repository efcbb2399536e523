//! Refund: state of its own, full or partial, that can fail after it had succeeded.

use serde::Deserialize;

use super::event::Timestamp;
use super::field;
use super::id::ObjectId;
use super::money::{Currency, Minor};
use super::notification::{Notification, Topic};
use super::transition::{self, StatusWord, Transition};

/// Stripe's `status` of a refund (docs.stripe.com, "The Refund object").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// On its way.
    Pending,
    /// Waits for the customer.
    RequiresAction,
    /// Sent. Not the end: the bank may still send it back.
    Succeeded,
    /// It came back, or never left.
    Failed,
    /// Called off.
    Canceled,
}

impl transition::Status for Status {
    const ALL: &'static [Self] =
        &[Self::Pending, Self::RequiresAction, Self::Succeeded, Self::Failed, Self::Canceled];

    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::RequiresAction => "requires_action",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    fn steps_to(self, next: Self) -> bool {
        match self {
            Self::Pending => {
                matches!(
                    next,
                    Self::RequiresAction | Self::Succeeded | Self::Failed | Self::Canceled
                )
            }
            Self::RequiresAction => {
                matches!(next, Self::Pending | Self::Succeeded | Self::Failed | Self::Canceled)
            }
            // Banks return money to closed accounts days later (docs.stripe.com, "Failed refunds").
            // A refund to a card counts as succeeded at once, and can be called off in the
            // dashboard for a short while (support.stripe.com, "Canceling a refund").
            Self::Succeeded => matches!(next, Self::Failed | Self::Canceled),
            Self::Failed | Self::Canceled => false,
        }
    }
}

/// All that Stripe says about a refund and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Observed {
    /// Stripe's status; a few old refunds have none, which Stripe documents as succeeded.
    #[serde(default = "sent", deserialize_with = "status")]
    pub status: StatusWord<Status>,
    /// What goes back.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount: Minor,
    /// Its currency.
    pub currency: Currency,
    /// The charge that it gives back.
    #[serde(default, deserialize_with = "field::object_id")]
    pub charge: Option<ObjectId>,
    /// The payment that it belongs to.
    #[serde(default, deserialize_with = "field::object_id")]
    pub payment_intent: Option<ObjectId>,
    /// `duplicate`, `fraudulent`, `requested_by_customer`, ...
    #[serde(default, deserialize_with = "field::text")]
    pub reason: Option<String>,
    /// `lost_or_stolen_card`, `expired_or_canceled_card`, ...
    #[serde(default, deserialize_with = "field::text")]
    pub failure_reason: Option<String>,
    /// The movement of the balance. None where no money moved: an authorisation that was released,
    /// all of it or the rest of a partial capture, is a refund to Stripe, too.
    #[serde(default, deserialize_with = "field::id_text")]
    pub balance_transaction: Option<String>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, deserialize_with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

fn sent() -> StatusWord<Status> {
    Status::Succeeded.into()
}

fn status<'de, D: serde::Deserializer<'de>>(from: D) -> Result<StatusWord<Status>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_else(sent))
}

/// What the rules need to know of the row as it is.
pub type Recorded = transition::Recorded<Status>;

/// Judges the observed status against the recorded one.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::of_status(recorded, &observed.status)
}

/// The state facts that this step makes true.
#[must_use]
pub fn notifications(recorded: Option<&Recorded>, observed: &Observed) -> Vec<Notification> {
    transition::on_entering(recorded, &observed.status, |status| match status {
        Status::Succeeded => Some(Topic::RefundSucceeded),
        Status::Failed => Some(Topic::RefundFailed),
        Status::Canceled => Some(Topic::RefundCanceled),
        Status::Pending | Status::RequiresAction => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::transition::{Move, matrix};
    use super::*;

    fn observed(status: Status) -> Observed {
        Observed {
            status: status.into(),
            amount: 300,
            currency: Currency::parse("eur").unwrap(),
            charge: None,
            payment_intent: None,
            reason: None,
            failure_reason: None,
            balance_transaction: None,
            metadata: vec![],
            created: 0,
        }
    }

    fn step(from: Option<Status>, to: Status) -> (Move, Vec<Topic>) {
        transition::step(from, &observed(to), super::transition, super::notifications)
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<Status>());
    }

    #[test]
    fn a_refund_that_fails_after_it_succeeded_is_expected_and_told() {
        let told = step(Some(Status::Succeeded), Status::Failed);
        assert_eq!(told, (Move::Expected, vec![Topic::RefundFailed]));
    }

    #[test]
    fn each_end_is_told_once() {
        for (status, topic) in [
            (Status::Succeeded, Topic::RefundSucceeded),
            (Status::Failed, Topic::RefundFailed),
            (Status::Canceled, Topic::RefundCanceled),
        ] {
            assert_eq!(step(None, status), (Move::Opened, vec![topic]));
            assert_eq!(step(Some(Status::Pending), status), (Move::Expected, vec![topic]));
            assert_eq!(step(Some(status), status), (Move::Same, vec![]));
        }
    }

    #[test]
    fn a_refund_on_its_way_tells_nothing() {
        for status in [Status::Pending, Status::RequiresAction] {
            assert_eq!(step(None, status), (Move::Opened, vec![]));
        }
    }

    #[test]
    fn a_refund_that_came_back_stays_so() {
        assert_eq!(step(Some(Status::Failed), Status::Succeeded).0, Move::Anomalous);
        assert_eq!(step(Some(Status::Canceled), Status::Pending).0, Move::Anomalous);
    }
}

#[cfg(test)]
#[path = "refund_json_tests.rs"]
mod json_tests;
