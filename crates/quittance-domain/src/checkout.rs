//! Checkout Session: a customer on Stripe's page, from the open page to the money.

use serde::Deserialize;

use super::event::Timestamp;
use super::field;
use super::money::{Currency, Minor};
use super::notification::{Notification, Topic};
use super::transition::{self, StatusWord, Transition, Vocabulary};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The customer can still use the page.
    Open,
    /// Done, and the money is on its way: a delayed method. Stays so when the payment fails.
    CompleteUnpaid,
    /// Done, and the money is there.
    CompletePaid,
    /// Done, and there is nothing to pay now: a setup, a trial, a full discount.
    CompleteFree,
    /// The page is closed, nothing came of it.
    Expired,
}

impl transition::Status for Status {
    const ALL: &'static [Self] =
        &[Self::Open, Self::CompleteUnpaid, Self::CompletePaid, Self::CompleteFree, Self::Expired];

    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::CompleteUnpaid => "complete/unpaid",
            Self::CompletePaid => "complete/paid",
            Self::CompleteFree => "complete/no_payment_required",
            Self::Expired => "expired",
        }
    }

    fn steps_to(self, next: Self) -> bool {
        match self {
            Self::Open => next != Self::Open,
            Self::CompleteUnpaid => next == Self::CompletePaid,
            Self::CompletePaid | Self::CompleteFree | Self::Expired => false,
        }
    }
}

/// Stripe's `status` of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Progress {
    /// The customer can still use the page.
    Open,
    /// The customer is through.
    Complete,
    /// Nobody came through in time.
    Expired,
}

impl Progress {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Open, Self::Complete, Self::Expired];

    /// Stripe's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Expired => "expired",
        }
    }

    /// Stripe's word, parsed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == text)
    }
}

impl Vocabulary for Progress {
    fn word(self) -> &'static str {
        self.as_str()
    }

    fn from_word(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// Stripe's `payment_status` of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentStatus {
    /// The money is there.
    Paid,
    /// It is not.
    Unpaid,
    /// There is none to come now.
    NoPaymentRequired,
}

impl PaymentStatus {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Paid, Self::Unpaid, Self::NoPaymentRequired];

    /// Stripe's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Unpaid => "unpaid",
            Self::NoPaymentRequired => "no_payment_required",
        }
    }

    /// Stripe's word, parsed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == text)
    }
}

impl Vocabulary for PaymentStatus {
    fn word(self) -> &'static str {
        self.as_str()
    }

    fn from_word(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// All that Stripe says about a session and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Observed {
    /// Stripe's `status`, which it documents as nullable.
    #[serde(rename = "status")]
    pub progress: Option<StatusWord<Progress>>,
    /// Stripe's `payment_status`.
    pub payment_status: StatusWord<PaymentStatus>,
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
    #[serde(default, deserialize_with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

impl Observed {
    /// Where it stands. A word that the rules do not know stays in it as Stripe says it.
    #[must_use]
    pub fn status(&self) -> StatusWord<Status> {
        let progress = match &self.progress {
            Some(StatusWord::Known(progress)) => progress,
            Some(StatusWord::Unknown(word)) => return StatusWord::Unknown(word.clone()),
            None => return StatusWord::or_none(None),
        };
        let status = match (progress, &self.payment_status) {
            (Progress::Open, _) => Status::Open,
            (Progress::Expired, _) => Status::Expired,
            (Progress::Complete, StatusWord::Known(PaymentStatus::Unpaid)) => {
                Status::CompleteUnpaid
            }
            (Progress::Complete, StatusWord::Known(PaymentStatus::Paid)) => Status::CompletePaid,
            (Progress::Complete, StatusWord::Known(PaymentStatus::NoPaymentRequired)) => {
                Status::CompleteFree
            }
            (Progress::Complete, StatusWord::Unknown(word)) => {
                return StatusWord::Unknown(format!("complete/{word}").into());
            }
        };
        status.into()
    }
}

/// What the rules need to know of the row as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Where it stood.
    pub status: StatusWord<Status>,
}

/// Judges the observed status against the recorded one.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::judge(recorded.map(|r| &r.status), &observed.status())
}

/// The state facts that this step makes true: that the customer came through, and that the money is
/// there. Both in one step for a card; days apart for a bank debit.
///
/// Whether to hand over the goods follows from `checkout.paid`, or from a `checkout.completed` that
/// says `no_payment_required`. That a session expired is an occurrence: it changes nothing for
/// anybody who was not told that it had been opened.
#[must_use]
pub fn notifications(recorded: Option<&Recorded>, observed: &Observed) -> Vec<Notification> {
    let before = recorded.and_then(|r| r.status.known());
    let Some(after) = observed.status().known() else { return Vec::new() };
    let mut told = Vec::new();
    if is_complete(after) && !before.is_some_and(is_complete) {
        told.push(Notification::state(Topic::CheckoutCompleted));
    }
    if after == Status::CompletePaid && before != Some(Status::CompletePaid) {
        told.push(Notification::state(Topic::CheckoutPaid));
    }
    told
}

fn is_complete(status: Status) -> bool {
    match status {
        Status::CompleteUnpaid | Status::CompletePaid | Status::CompleteFree => true,
        Status::Open | Status::Expired => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::transition::{Move, matrix};
    use super::*;
    use PaymentStatus as P;
    use Topic::{CheckoutCompleted, CheckoutPaid};

    fn observed(progress: Progress, payment_status: PaymentStatus) -> Observed {
        Observed {
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
        from: Option<Status>,
        progress: Progress,
        payment_status: PaymentStatus,
    ) -> (Move, Vec<Topic>) {
        let recorded = from.map(|status| Recorded { status: status.into() });
        let observed = observed(progress, payment_status);
        let told = notifications(recorded.as_ref(), &observed);
        let kind = transition(recorded.as_ref(), &observed).kind;
        (kind, told.into_iter().map(|n| n.topic).collect())
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<Status>());
    }

    #[test]
    fn a_card_completes_and_pays_in_one_step() {
        let both = vec![CheckoutCompleted, CheckoutPaid];
        for (from, kind) in [(None, Move::Opened), (Some(Status::Open), Move::Expected)] {
            assert_eq!(step(from, Progress::Complete, P::Paid), (kind, both.clone()));
        }
        let again = step(Some(Status::CompletePaid), Progress::Complete, P::Paid);
        assert_eq!(again, (Move::Same, vec![]));
    }

    #[test]
    fn a_delayed_method_is_paid_only_when_stripe_says_so() {
        let done = step(Some(Status::Open), Progress::Complete, P::Unpaid);
        assert_eq!(done, (Move::Expected, vec![CheckoutCompleted]));
        let waiting = step(Some(Status::CompleteUnpaid), Progress::Complete, P::Unpaid);
        assert_eq!(waiting, (Move::Same, vec![]));
        let paid = step(Some(Status::CompleteUnpaid), Progress::Complete, P::Paid);
        assert_eq!(paid, (Move::Expected, vec![CheckoutPaid]));
    }

    #[test]
    fn what_is_free_is_completed_and_not_paid() {
        let done = step(Some(Status::Open), Progress::Complete, P::NoPaymentRequired);
        assert_eq!(done, (Move::Expected, vec![CheckoutCompleted]));
        assert_eq!(observed(Progress::Open, P::NoPaymentRequired).status(), Status::Open);
    }

    #[test]
    fn an_expired_session_is_an_end_without_a_state_fact() {
        let closed = step(Some(Status::Open), Progress::Expired, P::Unpaid);
        assert_eq!(closed, (Move::Expected, vec![]));
        let back = step(Some(Status::Expired), Progress::Complete, P::Paid);
        assert_eq!(back, (Move::Anomalous, vec![CheckoutCompleted, CheckoutPaid]));
    }

    #[test]
    fn money_that_vanishes_is_an_anomaly() {
        let back = step(Some(Status::CompletePaid), Progress::Complete, P::Unpaid);
        assert_eq!(back, (Move::Anomalous, vec![]));
    }
}

#[cfg(test)]
#[path = "checkout_json_tests.rs"]
mod json_tests;
