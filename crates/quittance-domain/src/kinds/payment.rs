//! PaymentIntent: a payment from the first attempt to its end.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::failure_reason::FailureReason;
use crate::field;
use crate::id::{AccountId, ObjectId};
use crate::listing::{Listing, ObjectList};
use crate::money::{Currency, Minor};
use crate::notification::Topic;
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::status_word::words;
use crate::transition::{RecordedStatus, StateMachine, StatusWord};

words! {
    /// Stripe's `status` of a PaymentIntent (docs.stripe.com, "How PaymentIntents work").
    pub enum PaymentStatus {
        /// Waits for a payment method; also where a failed attempt goes *back* to.
        RequiresPaymentMethod = "requires_payment_method",
        /// Has a method, waits to be confirmed.
        RequiresConfirmation = "requires_confirmation",
        /// Waits for the customer, for 3-D Secure mostly.
        RequiresAction = "requires_action",
        /// With the bank or the network.
        Processing = "processing",
        /// Authorised; waits to be captured.
        RequiresCapture = "requires_capture",
        /// Ended without money.
        Canceled = "canceled",
        /// Ended with money. A refund does not change it.
        Succeeded = "succeeded",
    }
}

impl StateMachine for PaymentStatus {
    fn steps_to(self, next: Self) -> bool {
        use PaymentStatus as S;
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

/// All that Stripe says about a payment and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct PaymentObserved {
    /// Stripe's status.
    pub status: StatusWord<PaymentStatus>,
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
    #[serde(
        default,
        rename(deserialize = "last_payment_error"),
        deserialize_with = "field::object",
        serialize_with = "field::part"
    )]
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
    #[serde(
        default,
        rename(deserialize = "transfer_data"),
        deserialize_with = "field::destination"
    )]
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
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

impl ObjectKind for PaymentObserved {
    type Status = PaymentStatus;
    type Recorded = RecordedStatus<PaymentStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "payment_intent",
        endpoint: "payment_intents",
        listing: Listing::of(&[ObjectList::of("list_payment_intents", "/v1/payment_intents")]),
        id_prefixes: &["pi_"],
        facts: &["amount", "amount_received", "currency"],
        signs: Signs {
            once: &["latest_charge", "canceled_at"],
            rising: &["amount_received"],
            other: &[
                "amount",
                "amount_capturable",
                "customer",
                "payment_method",
                "description",
                "metadata",
            ],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<PaymentStatus> {
        self.status.clone()
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }

    fn topic(entered: PaymentStatus) -> Option<Topic> {
        match entered {
            PaymentStatus::Succeeded => Some(Topic::PaymentSucceeded),
            PaymentStatus::RequiresAction => Some(Topic::PaymentRequiresAction),
            PaymentStatus::Canceled => Some(Topic::PaymentCanceled),
            PaymentStatus::Processing => Some(Topic::PaymentProcessing),
            PaymentStatus::RequiresCapture => Some(Topic::PaymentCapturable),
            PaymentStatus::RequiresPaymentMethod | PaymentStatus::RequiresConfirmation => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_kind;
    use crate::transition::{Move, matrix};

    fn observed(status: PaymentStatus) -> PaymentObserved {
        PaymentObserved {
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

    fn step(from: Option<PaymentStatus>, to: PaymentStatus) -> (Move, Vec<Topic>) {
        object_kind::step(from, &observed(to))
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<PaymentStatus>());
    }

    #[test]
    fn each_fact_is_told_when_it_becomes_true_and_not_again() {
        for (status, topic) in [
            (PaymentStatus::Succeeded, Topic::PaymentSucceeded),
            (PaymentStatus::RequiresAction, Topic::PaymentRequiresAction),
            (PaymentStatus::Canceled, Topic::PaymentCanceled),
            (PaymentStatus::Processing, Topic::PaymentProcessing),
            (PaymentStatus::RequiresCapture, Topic::PaymentCapturable),
        ] {
            assert_eq!(step(None, status), (Move::Opened, vec![topic]));
            let from = Some(PaymentStatus::RequiresPaymentMethod);
            assert_eq!(step(from, status), (Move::Expected, vec![topic]));
            assert_eq!(step(Some(status), status), (Move::Same, vec![]));
        }
    }

    #[test]
    fn a_failed_attempt_is_no_end_and_no_state_fact() {
        for from in [
            PaymentStatus::RequiresAction,
            PaymentStatus::Processing,
            PaymentStatus::RequiresConfirmation,
        ] {
            let back = step(Some(from), PaymentStatus::RequiresPaymentMethod);
            assert_eq!(back, (Move::Expected, vec![]), "{from:?}");
        }
    }

    #[test]
    fn only_canceled_and_succeeded_are_ends() {
        let ends: Vec<_> = PaymentStatus::ALL
            .iter()
            .filter(|s| !PaymentStatus::ALL.iter().any(|n| s.steps_to(*n)))
            .collect();
        assert_eq!(ends, [&PaymentStatus::Canceled, &PaymentStatus::Succeeded]);
    }

    #[test]
    fn what_stripe_says_is_told_even_where_we_think_it_impossible() {
        let told = step(Some(PaymentStatus::Canceled), PaymentStatus::Succeeded);
        assert_eq!(told, (Move::Anomalous, vec![Topic::PaymentSucceeded]));
    }
}

#[cfg(test)]
#[path = "payment_json_tests.rs"]
mod json_tests;
