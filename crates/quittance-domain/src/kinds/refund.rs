//! Refund: state of its own, full or partial, that can fail after it had succeeded.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::field;
use crate::id::ObjectId;
use crate::listing::{Listing, ObjectList};
use crate::money::{Currency, Minor};
use crate::notification::Topic;
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::status_word::words;
use crate::transition::{RecordedStatus, StateMachine, StatusWord};

words! {
    /// Stripe's `status` of a refund (docs.stripe.com, "The Refund object").
    pub enum RefundStatus {
        /// On its way.
        Pending = "pending",
        /// Waits for the customer.
        RequiresAction = "requires_action",
        /// Sent. Not the end: the bank may still send it back.
        Succeeded = "succeeded",
        /// It came back, or never left.
        Failed = "failed",
        /// Called off.
        Canceled = "canceled",
    }
}

impl StateMachine for RefundStatus {
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct RefundObserved {
    /// Stripe's status; a few old refunds have none, which Stripe documents as succeeded.
    #[serde(default = "sent", deserialize_with = "status")]
    pub status: StatusWord<RefundStatus>,
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
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

fn sent() -> StatusWord<RefundStatus> {
    RefundStatus::Succeeded.into()
}

fn status<'de, D: serde::Deserializer<'de>>(from: D) -> Result<StatusWord<RefundStatus>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_else(sent))
}

impl ObjectKind for RefundObserved {
    type Status = RefundStatus;
    type Recorded = RecordedStatus<RefundStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "refund",
        endpoint: "refunds",
        listing: Listing::of(&[ObjectList::of("list_refunds", "/v1/refunds")]),
        id_prefixes: &["re_", "pyr_"],
        changes_its_charge: true,
        facts: &["amount", "balance_transaction", "currency", "charge", "payment_intent"],
        signs: Signs { once: &["failure_reason"], other: &["metadata"], ..Signs::NONE },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<RefundStatus> {
        self.status.clone()
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }

    fn topic(entered: RefundStatus) -> Option<Topic> {
        match entered {
            RefundStatus::Succeeded => Some(Topic::RefundSucceeded),
            RefundStatus::Failed => Some(Topic::RefundFailed),
            RefundStatus::Canceled => Some(Topic::RefundCanceled),
            RefundStatus::Pending | RefundStatus::RequiresAction => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_kind;
    use crate::transition::{Move, matrix};

    fn observed(status: RefundStatus) -> RefundObserved {
        RefundObserved {
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

    fn step(from: Option<RefundStatus>, to: RefundStatus) -> (Move, Vec<Topic>) {
        object_kind::step(from, &observed(to))
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<RefundStatus>());
    }

    #[test]
    fn a_refund_that_fails_after_it_succeeded_is_expected_and_told() {
        let told = step(Some(RefundStatus::Succeeded), RefundStatus::Failed);
        assert_eq!(told, (Move::Expected, vec![Topic::RefundFailed]));
    }

    #[test]
    fn each_end_is_told_once() {
        for (status, topic) in [
            (RefundStatus::Succeeded, Topic::RefundSucceeded),
            (RefundStatus::Failed, Topic::RefundFailed),
            (RefundStatus::Canceled, Topic::RefundCanceled),
        ] {
            assert_eq!(step(None, status), (Move::Opened, vec![topic]));
            assert_eq!(step(Some(RefundStatus::Pending), status), (Move::Expected, vec![topic]));
            assert_eq!(step(Some(status), status), (Move::Same, vec![]));
        }
    }

    #[test]
    fn a_refund_on_its_way_tells_nothing() {
        for status in [RefundStatus::Pending, RefundStatus::RequiresAction] {
            assert_eq!(step(None, status), (Move::Opened, vec![]));
        }
    }

    #[test]
    fn a_refund_that_came_back_stays_so() {
        assert_eq!(step(Some(RefundStatus::Failed), RefundStatus::Succeeded).0, Move::Anomalous);
        assert_eq!(step(Some(RefundStatus::Canceled), RefundStatus::Pending).0, Move::Anomalous);
    }
}

#[cfg(test)]
#[path = "refund_json_tests.rs"]
mod json_tests;
