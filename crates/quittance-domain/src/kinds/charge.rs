//! Charge: one attempt to move money, and how much of it went back.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::field;
use crate::id::{AccountId, ObjectId};
use crate::listing::{Listing, ObjectList};
use crate::money::{Currency, Minor};
use crate::notification::{Notification, Topic};
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::status_word::words;
use crate::transition::{RecordedState, StateMachine, StatusWord, recorded_word};

words! {
    /// Stripe's `status` of a charge (docs.stripe.com, "The Charge object").
    pub enum ChargeStatus {
        /// With the bank.
        Pending = "pending",
        /// The money moved, or is authorised.
        Succeeded = "succeeded",
        /// It did not.
        Failed = "failed",
    }
}

impl StateMachine for ChargeStatus {
    fn steps_to(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Succeeded | Self::Failed),
            // A bank debit can bounce after it had succeeded (docs.stripe.com, "The Charge object":
            // `failure_balance_transaction`).
            Self::Succeeded => next == Self::Failed,
            Self::Failed => false,
        }
    }
}

/// All that Stripe says about a charge and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct ChargeObserved {
    /// Stripe's status.
    pub status: StatusWord<ChargeStatus>,
    /// What was charged.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount: Minor,
    /// What was captured of it.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount_captured: Minor,
    /// What went back of it, what was authorised and released without being captured included;
    /// falls again when a refund fails.
    #[serde(deserialize_with = "field::needed_number")]
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
    #[serde(default, deserialize_with = "field::object_id")]
    pub payment_intent: Option<ObjectId>,
    /// Who paid.
    #[serde(default, deserialize_with = "field::id_text")]
    pub customer: Option<String>,
    /// With what.
    #[serde(default, deserialize_with = "field::id_text")]
    pub payment_method: Option<String>,
    /// Why it failed: `card_declined`, ...
    #[serde(default, deserialize_with = "field::text")]
    pub failure_code: Option<String>,
    /// Stripe's sentence on that.
    #[serde(default, deserialize_with = "field::text")]
    pub failure_message: Option<String>,
    /// What the bank and Radar made of it.
    #[serde(default, deserialize_with = "field::object", serialize_with = "field::part")]
    pub outcome: Option<ChargeOutcome>,
    /// Destination charges: where the money goes.
    #[serde(
        default,
        rename(deserialize = "transfer_data"),
        deserialize_with = "field::destination"
    )]
    pub transfer_destination: Option<AccountId>,
    /// What the platform keeps.
    #[serde(default, deserialize_with = "field::number")]
    pub application_fee_amount: Option<Minor>,
    /// The balance transaction, once there is one.
    #[serde(default, deserialize_with = "field::id_text")]
    pub balance_transaction: Option<String>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

/// Stripe's `outcome` of a charge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct ChargeOutcome {
    /// `authorized`, `issuer_declined`, `blocked`, ...
    #[serde(
        default,
        rename(deserialize = "type", serialize = "outcome"),
        deserialize_with = "field::text"
    )]
    pub kind: Option<String>,
    /// The word of whoever decided.
    #[serde(default, deserialize_with = "field::text", skip_serializing)]
    pub reason: Option<String>,
}

/// Recorded state of a charge, for the rules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct ChargeRecorded {
    /// The status in the row.
    #[serde(deserialize_with = "recorded_word")]
    pub status: StatusWord<ChargeStatus>,
    /// What had gone back of the money that was taken. Notifications say it as `amount_refunded`: without
    /// what was only released, as `app.payments` has it.
    #[serde(rename = "amount_refunded")]
    pub returned: Minor,
}

impl RecordedState for ChargeRecorded {
    type Status = ChargeStatus;

    fn status(&self) -> &StatusWord<ChargeStatus> {
        &self.status
    }
}

impl ChargeObserved {
    /// The bank's own word for why it declined.
    ///
    /// A charge has no decline code of its own; `outcome.reason` is the bank's word where the bank
    /// declined. Where Radar blocked, or let pass, it is Radar's word and none of the bank's
    /// (docs.stripe.com, "Understanding declines").
    #[must_use]
    pub fn decline_code(&self) -> Option<&str> {
        let outcome = self.outcome.as_ref().filter(|_| self.has_failed())?;
        let is_the_bank_s = outcome.kind.as_deref() == Some("issuer_declined");
        outcome.reason.as_deref().filter(|_| is_the_bank_s)
    }

    fn has_failed(&self) -> bool {
        self.failure_code.is_some() || self.failure_message.is_some()
    }

    /// What went back of the money that had been taken.
    ///
    /// Stripe also counts as refunded what was only authorised and then released: all of it when
    /// the payment is cancelled or the authorisation expires, the rest when a part is captured
    /// (docs.stripe.com, "Capture a charge"). Nobody's money moved there. While more captures may
    /// follow, this is too low; the last one sets it right. More can be captured than was
    /// authorised (docs.stripe.com, "Overcapture"), and nothing was released then.
    #[must_use]
    pub fn returned(&self) -> Minor {
        let released = self.amount.saturating_sub(self.amount_captured).max(0);
        self.amount_refunded.saturating_sub(released).max(0)
    }
}

impl ObjectKind for ChargeObserved {
    type Status = ChargeStatus;
    type Recorded = ChargeRecorded;

    const SPEC: KindSpec = KindSpec {
        object: "charge",
        endpoint: "charges",
        listing: Listing::of(&[ObjectList::of("list_charges", "/v1/charges")]),
        // `py_` and `pyr_`: payments by bank accounts, from before they were charges.
        id_prefixes: &["ch_", "py_"],
        facts: &["amount", "amount_captured", "amount_refunded", "currency", "payment_intent"],
        signs: Signs {
            once: &["captured", "disputed", "balance_transaction", "failure_code"],
            rising: &["amount_captured"],
            // Falls when a refund fails.
            mostly_rising: &["amount_refunded"],
            other: &["metadata"],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<ChargeStatus> {
        self.status.clone()
    }

    fn recorded(&self) -> Self::Recorded {
        ChargeRecorded { status: self.status(), returned: self.returned() }
    }

    /// The state facts that this step makes true.
    fn notifications(&self, recorded: Option<&Self::Recorded>) -> Vec<Notification> {
        if self.returned() > recorded.map_or(0, |r| r.returned) {
            vec![Notification::state(Topic::PaymentRefunded)]
        } else {
            Vec::new()
        }
    }

    fn derived(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Derived<'a> {
            failure_decline_code: Option<&'a str>,
        }
        Derived { failure_decline_code: self.decline_code() }
    }

    fn part_of_payment(&self) -> Option<&ObjectId> {
        self.payment_intent.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::{Move, matrix};

    fn observed(
        status: ChargeStatus,
        amount_captured: Minor,
        amount_refunded: Minor,
    ) -> ChargeObserved {
        ChargeObserved {
            status: status.into(),
            amount: 1_000,
            amount_captured,
            amount_refunded,
            currency: Currency::parse("eur").unwrap(),
            captured: amount_captured > 0,
            refunded: amount_refunded == 1_000,
            disputed: false,
            payment_intent: None,
            customer: None,
            payment_method: None,
            failure_code: None,
            failure_message: None,
            outcome: None,
            transfer_destination: None,
            application_fee_amount: None,
            balance_transaction: None,
            metadata: vec![],
            created: 0,
        }
    }

    /// Whether a look tells of a refund that finds `captured` of 1000 taken and `after` refunded as
    /// Stripe counts, where `before` had gone back.
    fn tells(before: Option<Minor>, captured: Minor, after: Minor) -> bool {
        let recorded = before
            .map(|returned| ChargeRecorded { status: ChargeStatus::Succeeded.into(), returned });
        let told =
            observed(ChargeStatus::Succeeded, captured, after).notifications(recorded.as_ref());
        assert!(told.is_empty() || told == [Notification::state(Topic::PaymentRefunded)]);
        !told.is_empty()
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<ChargeStatus>());
    }

    #[test]
    fn a_refund_is_told_when_more_went_back_than_before() {
        assert!(tells(Some(0), 1_000, 300));
        assert!(tells(Some(300), 1_000, 1_000));
        assert!(tells(None, 1_000, 300), "also at first sight");
    }

    #[test]
    fn nothing_is_told_when_no_more_went_back() {
        assert!(!tells(None, 1_000, 0));
        assert!(!tells(Some(300), 1_000, 300));
        assert!(!tells(Some(300), 1_000, 0), "a refund failed, and its money came back");
    }

    #[test]
    fn a_released_authorisation_is_no_refund() {
        assert!(!tells(Some(0), 0, 1_000), "cancelled, or expired");
        assert!(!tells(Some(0), 400, 600), "captured in part, the rest released");
        assert!(tells(Some(0), 400, 700), "of the captured part, some went back");
        assert!(tells(None, 400, 1_000));
    }

    #[test]
    fn a_refund_between_two_captures_is_told_with_the_last_one() {
        assert!(!tells(Some(0), 300, 100), "300 captured, and nobody knows yet what is released");
        assert!(tells(Some(0), 1_000, 100));
    }

    #[test]
    fn what_is_captured_beyond_the_authorisation_is_no_refund() {
        assert_eq!(observed(ChargeStatus::Succeeded, 1_200, 0).returned(), 0);
        assert_eq!(observed(ChargeStatus::Succeeded, 1_200, 50).returned(), 50);
        assert!(!tells(None, 1_200, 0));
    }

    #[test]
    fn a_bounced_debit_is_expected_and_a_failed_charge_stays_failed() {
        let judge = |from, to| {
            let recorded = ChargeRecorded { status: StatusWord::Known(from), returned: 0 };
            observed(to, 0, 0).transition(Some(&recorded)).kind
        };
        assert_eq!(judge(ChargeStatus::Succeeded, ChargeStatus::Failed), Move::Expected);
        assert_eq!(judge(ChargeStatus::Failed, ChargeStatus::Succeeded), Move::Anomalous);
    }
}

#[cfg(test)]
#[path = "charge_json_tests.rs"]
mod json_tests;
