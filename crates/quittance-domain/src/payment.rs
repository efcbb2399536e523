//! PaymentIntent: a payment from the first attempt to its end.

use serde::Deserialize;

use super::event::Timestamp;
use super::field;
use super::id::{AccountId, ObjectId};
use super::money::{Currency, Minor};
use super::notification::{Notification, Topic};
use super::transition::{self, StatusWord, Transition};

/// Stripe's `status` of a PaymentIntent (docs.stripe.com, "How PaymentIntents work").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Waits for a payment method; also where a failed attempt goes *back* to.
    RequiresPaymentMethod,
    /// Has a method, waits to be confirmed.
    RequiresConfirmation,
    /// Waits for the customer, for 3-D Secure mostly.
    RequiresAction,
    /// With the bank or the network.
    Processing,
    /// Authorised; waits to be captured.
    RequiresCapture,
    /// Ended without money.
    Canceled,
    /// Ended with money. A refund does not change it.
    Succeeded,
}

impl transition::Status for Status {
    const ALL: &'static [Self] = &[
        Self::RequiresPaymentMethod,
        Self::RequiresConfirmation,
        Self::RequiresAction,
        Self::Processing,
        Self::RequiresCapture,
        Self::Canceled,
        Self::Succeeded,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
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
                    | S::RequiresCapture
                    | S::Succeeded
                    | S::Canceled
            ),
            S::RequiresConfirmation => matches!(
                next,
                S::RequiresPaymentMethod
                    | S::RequiresAction
                    | S::Processing
                    | S::RequiresCapture
                    | S::Succeeded
                    | S::Canceled
            ),
            S::RequiresAction => matches!(
                next,
                S::RequiresPaymentMethod
                    | S::RequiresConfirmation
                    | S::Processing
                    | S::RequiresCapture
                    | S::Succeeded
                    | S::Canceled
            ),
            // A payment that is processing can still fail (bank debits), but only some methods can
            // be cancelled from here.
            S::Processing => matches!(
                next,
                S::RequiresPaymentMethod | S::RequiresCapture | S::Succeeded | S::Canceled
            ),
            // With multicapture an intent stays in requires_capture; an authorisation that expires
            // ends as canceled. Capturing itself can be asynchronous.
            S::RequiresCapture => matches!(next, S::Processing | S::Succeeded | S::Canceled),
            S::Canceled | S::Succeeded => false,
        }
    }
}

/// Why the last attempt failed, in Stripe's own words (docs.stripe.com, "Error codes", "Decline
/// codes").
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct FailureReason {
    /// `card_declined`, `authentication_required`, `processing_error`, ...
    #[serde(default, deserialize_with = "field::text")]
    pub code: Option<String>,
    /// The bank's finer word: `insufficient_funds`, `lost_card`, ...
    #[serde(default, deserialize_with = "field::text")]
    pub decline_code: Option<String>,
    /// A sentence for people.
    #[serde(default, deserialize_with = "field::text")]
    pub message: Option<String>,
}

/// All that Stripe says about a payment and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Observed {
    /// Stripe's status.
    pub status: StatusWord<Status>,
    /// What the payment is for.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount: Minor,
    /// What can still be captured.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount_capturable: Minor,
    /// What has been received.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount_received: Minor,
    /// The currency of all three.
    pub currency: Currency,
    /// Who pays.
    #[serde(default, deserialize_with = "field::id_text")]
    pub customer: Option<String>,
    /// The method of the last attempt.
    #[serde(default, deserialize_with = "field::id_text")]
    pub payment_method: Option<String>,
    /// The charge of the last attempt.
    #[serde(default, deserialize_with = "field::object_id")]
    pub latest_charge: Option<ObjectId>,
    /// `automatic`, `automatic_async` or `manual`.
    pub capture_method: String,
    /// Why the last attempt failed; none after a success.
    #[serde(default, rename = "last_payment_error", deserialize_with = "field::object")]
    pub failure: Option<FailureReason>,
    /// `requested_by_customer`, `abandoned`, ...
    #[serde(default, deserialize_with = "field::text")]
    pub cancellation_reason: Option<String>,
    /// When it was cancelled.
    #[serde(default, deserialize_with = "field::time")]
    pub canceled_at: Option<Timestamp>,
    /// What the customer has to do next: `redirect_to_url`, `use_stripe_sdk`, ...
    #[serde(default, deserialize_with = "field::type_of")]
    pub next_action: Option<String>,
    /// Destination charges: where the money goes.
    #[serde(default, rename = "transfer_data", deserialize_with = "field::destination")]
    pub transfer_destination: Option<AccountId>,
    /// Destination charges: what the platform keeps.
    #[serde(default, deserialize_with = "field::number")]
    pub application_fee_amount: Option<Minor>,
    /// The account on whose behalf the charge is made.
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
        Status::Succeeded => Some(Topic::PaymentSucceeded),
        Status::RequiresAction => Some(Topic::PaymentRequiresAction),
        Status::Canceled => Some(Topic::PaymentCanceled),
        Status::Processing => Some(Topic::PaymentProcessing),
        Status::RequiresCapture => Some(Topic::PaymentCapturable),
        Status::RequiresPaymentMethod | Status::RequiresConfirmation => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::transition::{Move, Status as _, matrix};
    use super::*;

    fn observed(status: Status) -> Observed {
        Observed {
            status: status.into(),
            amount: 1_099,
            amount_capturable: 0,
            amount_received: 0,
            currency: Currency::parse("eur").unwrap(),
            customer: None,
            payment_method: None,
            latest_charge: None,
            capture_method: "automatic".into(),
            failure: None,
            cancellation_reason: None,
            canceled_at: None,
            next_action: None,
            transfer_destination: None,
            application_fee_amount: None,
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
            (Status::Succeeded, Topic::PaymentSucceeded),
            (Status::RequiresAction, Topic::PaymentRequiresAction),
            (Status::Canceled, Topic::PaymentCanceled),
            (Status::Processing, Topic::PaymentProcessing),
            (Status::RequiresCapture, Topic::PaymentCapturable),
        ] {
            assert_eq!(step(None, status), (Move::Opened, vec![topic]));
            let from = Some(Status::RequiresPaymentMethod);
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
    fn only_canceled_and_succeeded_are_ends() {
        let ends: Vec<_> =
            Status::ALL.iter().filter(|s| !Status::ALL.iter().any(|n| s.steps_to(*n))).collect();
        assert_eq!(ends, [&Status::Canceled, &Status::Succeeded]);
    }

    #[test]
    fn what_stripe_says_is_told_even_where_we_think_it_impossible() {
        let told = step(Some(Status::Canceled), Status::Succeeded);
        assert_eq!(told, (Move::Anomalous, vec![Topic::PaymentSucceeded]));
    }
}

#[cfg(test)]
#[path = "payment_json_tests.rs"]
mod json_tests;
