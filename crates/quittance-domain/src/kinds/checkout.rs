//! Checkout Session: a customer on Stripe's page, from the open page to the money.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::field;
use crate::listing::{Listing, ObjectList};
use crate::money::{Currency, Minor};
use crate::notification::{Notification, Topic};
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::status_word::words;
use crate::transition::{RecordedStatus, StateMachine, StatusWord};

words! {
    /// Where a session stands: Stripe's `status`, and for a complete one its `payment_status`
    /// (docs.stripe.com, "The Checkout Session object", "Fulfill orders").
    ///
    /// Stripe says it in two fields, and we keep both as they are. Here they are *one* machine, because
    /// the step that matters most to a shop, from complete but unpaid to complete and paid, changes
    /// only the second of them: a machine over `status` alone would call it "the same", keep no
    /// transition of it and could not see an impossible step back. The whole product of the two fields
    /// would have nine states; before and beside completion nothing is ever paid, so five say it all.
    /// (A session in setup mode says `no_payment_required` while it is still open. That promises
    /// nothing yet, so it is plainly `open`.)
    pub enum CheckoutStatus {
        /// The customer can still use the page.
        Open = "open",
        /// Done, and the money is on its way: a delayed method. Stays so when the payment fails.
        CompleteUnpaid = "complete/unpaid",
        /// Done, and the money is there.
        CompletePaid = "complete/paid",
        /// Done, and there is nothing to pay now: a setup, a trial, a full discount.
        CompleteFree = "complete/no_payment_required",
        /// The page is closed, nothing came of it.
        Expired = "expired",
    }
}

impl StateMachine for CheckoutStatus {
    fn steps_to(self, next: Self) -> bool {
        match self {
            Self::Open => next != Self::Open,
            Self::CompleteUnpaid => next == Self::CompletePaid,
            Self::CompletePaid | Self::CompleteFree | Self::Expired => false,
        }
    }
}

words! {
    /// Stripe's `status` of a session.
    pub enum CheckoutProgress {
        /// The customer can still use the page.
        Open = "open",
        /// The customer is through.
        Complete = "complete",
        /// Nobody came through in time.
        Expired = "expired",
    }
}

words! {
    /// Stripe's `payment_status` of a session.
    pub enum CheckoutPaymentStatus {
        /// The money is there.
        Paid = "paid",
        /// It is not.
        Unpaid = "unpaid",
        /// There is none to come now.
        NoPaymentRequired = "no_payment_required",
    }
}

/// All that Stripe says about a session and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct CheckoutObserved {
    /// Stripe's `status`, which it documents as nullable.
    #[serde(rename = "status")]
    pub progress: Option<StatusWord<CheckoutProgress>>,
    /// Stripe's `payment_status`.
    pub payment_status: StatusWord<CheckoutPaymentStatus>,
    /// `payment`, `setup` or `subscription`.
    pub mode: String,
    /// The team's own reference: a cart, an order.
    #[serde(default, deserialize_with = "field::key")]
    pub client_reference_id: Option<String>,
    /// Who came through.
    #[serde(default, deserialize_with = "field::id_text")]
    pub customer: Option<String>,
    /// Mode `payment`: the payment, made when the customer confirms.
    #[serde(default, deserialize_with = "field::id_text")]
    pub payment_intent: Option<String>,
    /// Mode `setup`: the setup.
    #[serde(default, deserialize_with = "field::id_text")]
    pub setup_intent: Option<String>,
    /// Mode `subscription`: the subscription.
    #[serde(default, deserialize_with = "field::id_text")]
    pub subscription: Option<String>,
    /// The invoice, where the session makes one.
    #[serde(default, deserialize_with = "field::id_text")]
    pub invoice: Option<String>,
    /// After discounts and taxes.
    #[serde(default, deserialize_with = "field::number")]
    pub amount_total: Option<Minor>,
    /// Its currency.
    #[serde(default, deserialize_with = "field::currency")]
    pub currency: Option<Currency>,
    /// When the page closes.
    #[serde(deserialize_with = "field::needed_time")]
    pub expires_at: Timestamp,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

impl ObjectKind for CheckoutObserved {
    type Status = CheckoutStatus;
    type Recorded = RecordedStatus<CheckoutStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "checkout.session",
        endpoint: "checkout_sessions",
        listing: Listing::of(&[ObjectList::of("list_checkout_sessions", "/v1/checkout/sessions")]),
        id_prefixes: &["cs_"],
        // All that a shop needs to fulfil an order, or to wait.
        facts: &[
            "payment_status",
            "mode",
            "client_reference_id",
            "customer",
            "payment_intent",
            "setup_intent",
            "subscription",
            "amount_total",
            "currency",
        ],
        signs: Signs {
            once: &["payment_intent", "setup_intent", "subscription", "invoice", "customer"],
            other: &["amount_total", "metadata"],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    /// Where it stands. A word that the rules do not know stays in it as Stripe says it.
    fn status(&self) -> StatusWord<CheckoutStatus> {
        let progress = match &self.progress {
            Some(StatusWord::Known(progress)) => progress,
            Some(StatusWord::Unknown(word)) => return StatusWord::Unknown(word.clone()),
            None => return StatusWord::or_none(None),
        };
        let status = match (progress, &self.payment_status) {
            (CheckoutProgress::Open, _) => CheckoutStatus::Open,
            (CheckoutProgress::Expired, _) => CheckoutStatus::Expired,
            (CheckoutProgress::Complete, StatusWord::Known(CheckoutPaymentStatus::Unpaid)) => {
                CheckoutStatus::CompleteUnpaid
            }
            (CheckoutProgress::Complete, StatusWord::Known(CheckoutPaymentStatus::Paid)) => {
                CheckoutStatus::CompletePaid
            }
            (
                CheckoutProgress::Complete,
                StatusWord::Known(CheckoutPaymentStatus::NoPaymentRequired),
            ) => CheckoutStatus::CompleteFree,
            (CheckoutProgress::Complete, StatusWord::Unknown(word)) => {
                return StatusWord::Unknown(format!("complete/{word}").into());
            }
        };
        status.into()
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }

    /// The state facts that this step makes true: that the customer came through, and that the money is
    /// there. Both in one step for a card; days apart for a bank debit.
    ///
    /// Whether to hand over the goods follows from `checkout.paid`, or from a `checkout.completed` that
    /// says `no_payment_required`. That a session expired is an occurrence: it changes nothing for
    /// anybody who was not told that it had been opened.
    fn notifications(&self, recorded: Option<&Self::Recorded>) -> Vec<Notification> {
        let before = recorded.and_then(|r| r.status.known());
        let Some(after) = self.status().known() else { return Vec::new() };
        let mut told = Vec::new();
        if is_complete(after) && !before.is_some_and(is_complete) {
            told.push(Notification::state(Topic::CheckoutCompleted));
        }
        if after == CheckoutStatus::CompletePaid && before != Some(CheckoutStatus::CompletePaid) {
            told.push(Notification::state(Topic::CheckoutPaid));
        }
        told
    }

    /// A session says in two fields where it stands.
    fn shown_status(text: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let status = text("status")?;
        match text("payment_status") {
            Some(paid) if status == "complete" => Some(format!("complete/{paid}")),
            Some(_) | None => Some(status),
        }
    }
}

fn is_complete(status: CheckoutStatus) -> bool {
    match status {
        CheckoutStatus::CompleteUnpaid
        | CheckoutStatus::CompletePaid
        | CheckoutStatus::CompleteFree => true,
        CheckoutStatus::Open | CheckoutStatus::Expired => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::{Move, matrix};
    use CheckoutPaymentStatus as P;
    use Topic::{CheckoutCompleted, CheckoutPaid};

    fn observed(
        progress: CheckoutProgress,
        payment_status: CheckoutPaymentStatus,
    ) -> CheckoutObserved {
        CheckoutObserved {
            progress: Some(progress.into()),
            payment_status: payment_status.into(),
            mode: "payment".into(),
            client_reference_id: None,
            customer: None,
            payment_intent: None,
            setup_intent: None,
            subscription: None,
            invoice: None,
            amount_total: None,
            currency: None,
            expires_at: 0,
            metadata: vec![],
            created: 0,
        }
    }

    fn step(
        from: Option<CheckoutStatus>,
        progress: CheckoutProgress,
        payment_status: CheckoutPaymentStatus,
    ) -> (Move, Vec<Topic>) {
        let recorded = from.map(|status| RecordedStatus { status: status.into() });
        let observed = observed(progress, payment_status);
        let told = observed.notifications(recorded.as_ref());
        let kind = observed.transition(recorded.as_ref()).kind;
        (kind, told.into_iter().map(|n| n.topic).collect())
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<CheckoutStatus>());
    }

    #[test]
    fn a_card_completes_and_pays_in_one_step() {
        let both = vec![CheckoutCompleted, CheckoutPaid];
        for (from, kind) in [(None, Move::Opened), (Some(CheckoutStatus::Open), Move::Expected)] {
            assert_eq!(step(from, CheckoutProgress::Complete, P::Paid), (kind, both.clone()));
        }
        let again = step(Some(CheckoutStatus::CompletePaid), CheckoutProgress::Complete, P::Paid);
        assert_eq!(again, (Move::Same, vec![]));
    }

    #[test]
    fn a_delayed_method_is_paid_only_when_stripe_says_so() {
        let done = step(Some(CheckoutStatus::Open), CheckoutProgress::Complete, P::Unpaid);
        assert_eq!(done, (Move::Expected, vec![CheckoutCompleted]));
        let waiting =
            step(Some(CheckoutStatus::CompleteUnpaid), CheckoutProgress::Complete, P::Unpaid);
        assert_eq!(waiting, (Move::Same, vec![]));
        let paid = step(Some(CheckoutStatus::CompleteUnpaid), CheckoutProgress::Complete, P::Paid);
        assert_eq!(paid, (Move::Expected, vec![CheckoutPaid]));
    }

    #[test]
    fn what_is_free_is_completed_and_not_paid() {
        let done =
            step(Some(CheckoutStatus::Open), CheckoutProgress::Complete, P::NoPaymentRequired);
        assert_eq!(done, (Move::Expected, vec![CheckoutCompleted]));
        assert_eq!(
            observed(CheckoutProgress::Open, P::NoPaymentRequired).status(),
            CheckoutStatus::Open
        );
    }

    #[test]
    fn an_expired_session_is_an_end_without_a_state_fact() {
        let closed = step(Some(CheckoutStatus::Open), CheckoutProgress::Expired, P::Unpaid);
        assert_eq!(closed, (Move::Expected, vec![]));
        let back = step(Some(CheckoutStatus::Expired), CheckoutProgress::Complete, P::Paid);
        assert_eq!(back, (Move::Anomalous, vec![CheckoutCompleted, CheckoutPaid]));
    }

    #[test]
    fn money_that_vanishes_is_an_anomaly() {
        let back = step(Some(CheckoutStatus::CompletePaid), CheckoutProgress::Complete, P::Unpaid);
        assert_eq!(back, (Move::Anomalous, vec![]));
    }
}

#[cfg(test)]
#[path = "checkout_json_tests.rs"]
mod json_tests;
