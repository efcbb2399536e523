//! Payout: money on its way from a Stripe balance to a bank account.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::field;
use crate::listing::{Listing, ObjectList};
use crate::money::{Currency, Minor};
use crate::notification::Topic;
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::status_word::words;
use crate::transition::{RecordedStatus, StateMachine, StatusWord};

words! {
    /// Stripe's `status` of a payout (docs.stripe.com, "The Payout object").
    pub enum PayoutStatus {
        /// Not yet handed to the bank.
        Pending = "pending",
        /// Handed to the bank.
        InTransit = "in_transit",
        /// The bank has it. Not the end: it may still send it back.
        Paid = "paid",
        /// It came back, or never left.
        Failed = "failed",
        /// Called off.
        Canceled = "canceled",
    }
}

impl StateMachine for PayoutStatus {
    fn steps_to(self, next: Self) -> bool {
        match self {
            Self::Pending => {
                matches!(next, Self::InTransit | Self::Paid | Self::Failed | Self::Canceled)
            }
            Self::InTransit => matches!(next, Self::Paid | Self::Failed | Self::Canceled),
            // "Some payouts that fail might initially show as `paid`, then change to `failed`."
            Self::Paid => next == Self::Failed,
            Self::Failed | Self::Canceled => false,
        }
    }
}

/// All that Stripe says about a payout and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct PayoutObserved {
    /// Stripe's status.
    pub status: StatusWord<PayoutStatus>,
    /// What is paid out; below zero where a balance is made up for.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount: Minor,
    /// Its currency.
    pub currency: Currency,
    /// When the bank is expected to have it.
    #[serde(deserialize_with = "field::needed_time")]
    pub arrival_date: Timestamp,
    /// Whether Stripe's schedule made it.
    pub automatic: bool,
    /// `standard` or `instant`.
    pub method: String,
    /// `bank_account` or `card`.
    #[serde(rename(deserialize = "type"))]
    pub destination_type: String,
    /// Where it goes: `ba_...`, `card_...`.
    #[serde(default, deserialize_with = "field::id_text")]
    pub destination: Option<String>,
    /// What it did to the balance.
    #[serde(default, deserialize_with = "field::id_text")]
    pub balance_transaction: Option<String>,
    /// Why it failed: `account_closed`, `no_account`, ...
    #[serde(default, deserialize_with = "field::text")]
    pub failure_code: Option<String>,
    /// Stripe's sentence on that.
    #[serde(default, deserialize_with = "field::text")]
    pub failure_message: Option<String>,
    /// What stands on the bank's statement.
    #[serde(default, deserialize_with = "field::text")]
    pub statement_descriptor: Option<String>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

impl ObjectKind for PayoutObserved {
    type Status = PayoutStatus;
    type Recorded = RecordedStatus<PayoutStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "payout",
        endpoint: "payouts",
        listing: Listing::of(&[ObjectList::of("list_payouts", "/v1/payouts")]),
        id_prefixes: &["po_"],
        facts: &["amount", "currency", "arrival_date", "failure_code"],
        signs: Signs {
            once: &["balance_transaction", "failure_code"],
            other: &["arrival_date", "metadata"],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<PayoutStatus> {
        self.status.clone()
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }

    fn topic(entered: PayoutStatus) -> Option<Topic> {
        match entered {
            PayoutStatus::Paid => Some(Topic::PayoutPaid),
            PayoutStatus::Failed => Some(Topic::PayoutFailed),
            PayoutStatus::Canceled => Some(Topic::PayoutCanceled),
            PayoutStatus::Pending | PayoutStatus::InTransit => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_kind;
    use crate::transition::{Move, matrix};

    fn observed(status: PayoutStatus) -> PayoutObserved {
        PayoutObserved {
            status: status.into(),
            amount: 1_000,
            currency: Currency::parse("eur").unwrap(),
            arrival_date: 0,
            automatic: true,
            method: "standard".into(),
            destination_type: "bank_account".into(),
            destination: None,
            balance_transaction: None,
            failure_code: None,
            failure_message: None,
            statement_descriptor: None,
            metadata: vec![],
            created: 0,
        }
    }

    fn step(from: Option<PayoutStatus>, to: PayoutStatus) -> (Move, Vec<Topic>) {
        object_kind::step(from, &observed(to))
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<PayoutStatus>());
    }

    #[test]
    fn a_payout_that_fails_after_it_was_paid_is_expected_and_told() {
        let told = step(Some(PayoutStatus::Paid), PayoutStatus::Failed);
        assert_eq!(told, (Move::Expected, vec![Topic::PayoutFailed]));
        assert_eq!(step(Some(PayoutStatus::Failed), PayoutStatus::Paid).0, Move::Anomalous);
    }

    #[test]
    fn each_end_is_told_once() {
        for (status, topic) in [
            (PayoutStatus::Paid, Topic::PayoutPaid),
            (PayoutStatus::Failed, Topic::PayoutFailed),
            (PayoutStatus::Canceled, Topic::PayoutCanceled),
        ] {
            assert_eq!(step(None, status), (Move::Opened, vec![topic]));
            assert_eq!(step(Some(PayoutStatus::InTransit), status), (Move::Expected, vec![topic]));
            assert_eq!(step(Some(status), status), (Move::Same, vec![]));
        }
    }
}

#[cfg(test)]
#[path = "payout_json_tests.rs"]
mod json_tests;
