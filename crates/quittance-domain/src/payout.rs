//! Payout: money on its way from a Stripe balance to a bank account.

use serde::Deserialize;

use super::event::Timestamp;
use super::field;
use super::money::{Currency, Minor};
use super::notification::{Notification, Topic};
use super::transition::{self, StatusWord, Transition};

/// Stripe's `status` of a payout (docs.stripe.com, "The Payout object").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Not yet handed to the bank.
    Pending,
    /// Handed to the bank.
    InTransit,
    /// The bank has it. Not the end: it may still send it back.
    Paid,
    /// It came back, or never left.
    Failed,
    /// Called off.
    Canceled,
}

impl transition::Status for Status {
    const ALL: &'static [Self] =
        &[Self::Pending, Self::InTransit, Self::Paid, Self::Failed, Self::Canceled];

    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InTransit => "in_transit",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Observed {
    /// Stripe's status.
    pub status: StatusWord<Status>,
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
    #[serde(rename = "type")]
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
    #[serde(default, deserialize_with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(deserialize_with = "field::needed_time")]
    pub created: Timestamp,
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
        Status::Paid => Some(Topic::PayoutPaid),
        Status::Failed => Some(Topic::PayoutFailed),
        Status::Canceled => Some(Topic::PayoutCanceled),
        Status::Pending | Status::InTransit => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::transition::{Move, matrix};
    use super::*;

    fn observed(status: Status) -> Observed {
        Observed {
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

    fn step(from: Option<Status>, to: Status) -> (Move, Vec<Topic>) {
        transition::step(from, &observed(to), super::transition, super::notifications)
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<Status>());
    }

    #[test]
    fn a_payout_that_fails_after_it_was_paid_is_expected_and_told() {
        let told = step(Some(Status::Paid), Status::Failed);
        assert_eq!(told, (Move::Expected, vec![Topic::PayoutFailed]));
        assert_eq!(step(Some(Status::Failed), Status::Paid).0, Move::Anomalous);
    }

    #[test]
    fn each_end_is_told_once() {
        for (status, topic) in [
            (Status::Paid, Topic::PayoutPaid),
            (Status::Failed, Topic::PayoutFailed),
            (Status::Canceled, Topic::PayoutCanceled),
        ] {
            assert_eq!(step(None, status), (Move::Opened, vec![topic]));
            assert_eq!(step(Some(Status::InTransit), status), (Move::Expected, vec![topic]));
            assert_eq!(step(Some(status), status), (Move::Same, vec![]));
        }
    }
}

#[cfg(test)]
#[path = "payout_json_tests.rs"]
mod json_tests;
