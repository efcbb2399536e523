//! SetupIntent: keeping a way to pay for later, without taking money now.

use serde::Deserialize;

use super::event::Timestamp;
use super::field;
use super::id::AccountId;
use super::notification::{Notification, Topic};
use super::payment::FailureReason;
use super::transition::{self, StatusWord, Transition};

/// Stripe's `status` of a SetupIntent (docs.stripe.com, "The SetupIntent object").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Waits for a payment method; also where a failed attempt goes *back* to.
    RequiresPaymentMethod,
    /// Has a method, waits to be confirmed.
    RequiresConfirmation,
    /// Waits for the customer, for 3-D Secure mostly.
    RequiresAction,
    /// With the bank.
    Processing,
    /// Ended without a method.
    Canceled,
    /// The method can be charged from now on.
    Succeeded,
}

impl transition::Status for Status {
    const ALL: &'static [Self] = &[
        Self::RequiresPaymentMethod,
        Self::RequiresConfirmation,
        Self::RequiresAction,
        Self::Processing,
        Self::Canceled,
        Self::Succeeded,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::Canceled => "canceled",
            Self::Succeeded => "succeeded",
        }
    }

    fn steps_to(self, next: Self) -> bool {
        use Status as S;
        match self {
            S::RequiresPaymentMethod => matches!(
                next,
                S::RequiresConfirmation
                    | S::RequiresAction
                    | S::Processing
                    | S::Canceled
                    | S::Succeeded
            ),
            S::RequiresConfirmation => matches!(
                next,
                S::RequiresPaymentMethod
                    | S::RequiresAction
                    | S::Processing
                    | S::Canceled
                    | S::Succeeded
            ),
            S::RequiresAction => matches!(
                next,
                S::RequiresPaymentMethod
                    | S::RequiresConfirmation
                    | S::Processing
                    | S::Canceled
                    | S::Succeeded
            ),
            // Cancelling is for the three above only (docs.stripe.com, "Cancel a SetupIntent"), but
            // a processing one can fail and be cancelled then.
            S::Processing => matches!(next, S::RequiresPaymentMethod | S::Succeeded),
            S::Canceled | S::Succeeded => false,
        }
    }
}

/// All that Stripe says about a setup and that we keep in columns. Its `client_secret` lets whoever
/// has it finish the setup, and is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Observed {
    /// Stripe's status.
    pub status: StatusWord<Status>,
    /// Whose method it will be.
    #[serde(default, deserialize_with = "field::id_text")]
    pub customer: Option<String>,
    /// The method.
    #[serde(default, deserialize_with = "field::id_text")]
    pub payment_method: Option<String>,
    /// `off_session` or `on_session`: how it is meant to be used.
    pub usage: String,
    /// Why the last attempt failed; none after a success.
    #[serde(default, rename = "last_setup_error", deserialize_with = "field::object")]
    pub failure: Option<FailureReason>,
    /// `abandoned`, `requested_by_customer`, `duplicate`.
    #[serde(default, deserialize_with = "field::text")]
    pub cancellation_reason: Option<String>,
    /// What the customer has to do next: `redirect_to_url`, `use_stripe_sdk`, ...
    #[serde(default, deserialize_with = "field::type_of")]
    pub next_action: Option<String>,
    /// The customer's permission to be charged, where the method needs one.
    #[serde(default, deserialize_with = "field::id_text")]
    pub mandate: Option<String>,
    /// The account for which it is made.
    #[serde(default, deserialize_with = "field::account_id")]
    pub on_behalf_of: Option<AccountId>,
    /// A text for people.
    #[serde(default, deserialize_with = "field::text")]
    pub description: Option<String>,
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
        Status::Succeeded => Some(Topic::SetupSucceeded),
        Status::RequiresAction => Some(Topic::SetupRequiresAction),
        Status::Canceled => Some(Topic::SetupCanceled),
        Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::Processing => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::transition::{Move, Status as _, matrix};
    use super::*;

    fn observed(status: Status) -> Observed {
        Observed {
            status: status.into(),
            customer: None,
            payment_method: None,
            usage: "off_session".into(),
            failure: None,
            cancellation_reason: None,
            next_action: None,
            mandate: None,
            on_behalf_of: None,
            description: None,
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
    fn each_fact_is_told_when_it_becomes_true_and_not_again() {
        for (status, topic) in [
            (Status::Succeeded, Topic::SetupSucceeded),
            (Status::RequiresAction, Topic::SetupRequiresAction),
            (Status::Canceled, Topic::SetupCanceled),
        ] {
            assert_eq!(step(None, status), (Move::Opened, vec![topic]));
            let from = Some(Status::RequiresConfirmation);
            assert_eq!(step(from, status), (Move::Expected, vec![topic]));
            assert_eq!(step(Some(status), status), (Move::Same, vec![]));
        }
    }

    #[test]
    fn a_failed_attempt_is_no_end_and_no_state_fact() {
        for from in [Status::RequiresAction, Status::Processing, Status::RequiresConfirmation] {
            let back = step(Some(from), Status::RequiresPaymentMethod);
            assert_eq!(back, (Move::Expected, vec![]), "{from:?}");
        }
    }

    #[test]
    fn nothing_follows_canceled_or_succeeded() {
        for end in [Status::Canceled, Status::Succeeded] {
            for &next in Status::ALL.iter().filter(|next| **next != end) {
                assert_eq!(step(Some(end), next).0, Move::Anomalous, "{end:?} {next:?}");
            }
        }
    }
}

#[cfg(test)]
#[path = "setup_json_tests.rs"]
mod json_tests;
