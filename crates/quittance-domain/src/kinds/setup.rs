//! SetupIntent: keeping a way to pay for later, without taking money now.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::failure_reason::FailureReason;
use crate::field;
use crate::id::AccountId;
use crate::listing::{Listing, ObjectList};
use crate::notification::Topic;
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::status_word::words;
use crate::transition::{RecordedStatus, StateMachine, StatusWord};

words! {
    /// Stripe's `status` of a SetupIntent (docs.stripe.com, "The SetupIntent object").
    pub enum SetupStatus {
        /// Waits for a payment method; also where a failed attempt goes *back* to.
        RequiresPaymentMethod = "requires_payment_method",
        /// Has a method, waits to be confirmed.
        RequiresConfirmation = "requires_confirmation",
        /// Waits for the customer, for 3-D Secure mostly.
        RequiresAction = "requires_action",
        /// With the bank.
        Processing = "processing",
        /// Ended without a method.
        Canceled = "canceled",
        /// The method can be charged from now on.
        Succeeded = "succeeded",
    }
}

impl StateMachine for SetupStatus {
    fn steps_to(self, next: Self) -> bool {
        use SetupStatus as S;
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct SetupObserved {
    /// Stripe's status.
    pub status: StatusWord<SetupStatus>,
    /// Whose method it will be.
    #[serde(default, deserialize_with = "field::id_text")]
    pub customer: Option<String>,
    /// The method.
    #[serde(default, deserialize_with = "field::id_text")]
    pub payment_method: Option<String>,
    /// `off_session` or `on_session`: how it is meant to be used.
    pub usage: String,
    /// Why the last attempt failed; none after a success.
    #[serde(
        default,
        rename(deserialize = "last_setup_error"),
        deserialize_with = "field::object",
        serialize_with = "field::part"
    )]
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
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

impl ObjectKind for SetupObserved {
    type Status = SetupStatus;
    type Recorded = RecordedStatus<SetupStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "setup_intent",
        endpoint: "setup_intents",
        listing: Listing::of(&[ObjectList::of("list_setup_intents", "/v1/setup_intents")]),
        id_prefixes: &["seti_"],
        facts: &["customer", "payment_method", "usage"],
        signs: Signs {
            once: &["latest_attempt", "mandate"],
            other: &["customer", "payment_method", "description", "metadata"],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<SetupStatus> {
        self.status.clone()
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }

    fn topic(entered: SetupStatus) -> Option<Topic> {
        match entered {
            SetupStatus::Succeeded => Some(Topic::SetupSucceeded),
            SetupStatus::RequiresAction => Some(Topic::SetupRequiresAction),
            SetupStatus::Canceled => Some(Topic::SetupCanceled),
            SetupStatus::RequiresPaymentMethod
            | SetupStatus::RequiresConfirmation
            | SetupStatus::Processing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_kind;
    use crate::transition::{Move, matrix};

    fn observed(status: SetupStatus) -> SetupObserved {
        SetupObserved {
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

    fn step(from: Option<SetupStatus>, to: SetupStatus) -> (Move, Vec<Topic>) {
        object_kind::step(from, &observed(to))
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<SetupStatus>());
    }

    #[test]
    fn each_fact_is_told_when_it_becomes_true_and_not_again() {
        for (status, topic) in [
            (SetupStatus::Succeeded, Topic::SetupSucceeded),
            (SetupStatus::RequiresAction, Topic::SetupRequiresAction),
            (SetupStatus::Canceled, Topic::SetupCanceled),
        ] {
            assert_eq!(step(None, status), (Move::Opened, vec![topic]));
            let from = Some(SetupStatus::RequiresConfirmation);
            assert_eq!(step(from, status), (Move::Expected, vec![topic]));
            assert_eq!(step(Some(status), status), (Move::Same, vec![]));
        }
    }

    #[test]
    fn a_failed_attempt_is_no_end_and_no_state_fact() {
        for from in [
            SetupStatus::RequiresAction,
            SetupStatus::Processing,
            SetupStatus::RequiresConfirmation,
        ] {
            let back = step(Some(from), SetupStatus::RequiresPaymentMethod);
            assert_eq!(back, (Move::Expected, vec![]), "{from:?}");
        }
    }

    #[test]
    fn nothing_follows_canceled_or_succeeded() {
        for end in [SetupStatus::Canceled, SetupStatus::Succeeded] {
            for &next in SetupStatus::ALL.iter().filter(|next| **next != end) {
                assert_eq!(step(Some(end), next).0, Move::Anomalous, "{end:?} {next:?}");
            }
        }
    }
}

#[cfg(test)]
#[path = "setup_json_tests.rs"]
mod json_tests;
