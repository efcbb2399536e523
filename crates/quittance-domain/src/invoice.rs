//! Invoice: from draft to paid, or not.

use super::event::Timestamp;
use super::id::ObjectId;
use super::money::{Currency, Minor};
use super::notification::{Notification, Topic};
use super::transition::{self, Transition};

/// Stripe's `status` of an invoice (docs.stripe.com, "Status transitions and finalization").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Can still be changed, or deleted.
    Draft,
    /// Finalised, and owed.
    Open,
    /// Settled, by Stripe or out of band.
    Paid,
    /// Written off; can still be paid.
    Uncollectible,
    /// Called off.
    Void,
}

impl transition::Status for Status {
    const ALL: &'static [Self] =
        &[Self::Draft, Self::Open, Self::Paid, Self::Uncollectible, Self::Void];

    fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Uncollectible => "uncollectible",
            Self::Void => "void",
        }
    }

    fn steps_to(self, next: Self) -> bool {
        match self {
            // Nothing to pay: it is paid as soon as it is final.
            Self::Draft => matches!(next, Self::Open | Self::Paid),
            Self::Open => matches!(next, Self::Paid | Self::Uncollectible | Self::Void),
            Self::Uncollectible => matches!(next, Self::Paid | Self::Void),
            Self::Paid | Self::Void => false,
        }
    }
}

/// All that Stripe says about an invoice and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Stripe's status.
    pub status: Status,
    /// Who owes.
    pub customer: Option<String>,
    /// The subscription that it bills.
    pub subscription: Option<ObjectId>,
    /// The payment that paid it, or that is to.
    pub payment_intent: Option<ObjectId>,
    /// Its currency.
    pub currency: Currency,
    /// What is to be paid.
    pub amount_due: Minor,
    /// What was paid of it.
    pub amount_paid: Minor,
    /// What is left of it.
    pub amount_remaining: Minor,
    /// Before discounts and taxes.
    pub subtotal: Minor,
    /// After discounts and taxes.
    pub total: Minor,
    /// Tries of the payment so far, by Stripe's schedule.
    pub attempt_count: i64,
    /// The next one.
    pub next_payment_attempt: Option<Timestamp>,
    /// `subscription_create`, `subscription_cycle`, `subscription_update`, `manual`, ...
    pub billing_reason: Option<String>,
    /// `charge_automatically` or `send_invoice`.
    pub collection_method: String,
    /// The number that the customer sees; none before it is final.
    pub number: Option<String>,
    /// Money came by a way that Stripe did not see.
    pub paid_out_of_band: bool,
    /// When it is due; none where it is charged automatically.
    pub due_date: Option<Timestamp>,
    /// What it bills, from: for a subscription the period *before* the one that it opens.
    pub period_start: Timestamp,
    /// What it bills, until.
    pub period_end: Timestamp,
    /// When it left the draft.
    pub finalized_at: Option<Timestamp>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// The team's own link to their rows, sorted by key.
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    pub created: Timestamp,
}

/// What the rules need to know of the row as it is.
pub type Recorded = transition::Recorded<Status>;

/// Judges the observed status against the recorded one.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::of_status(recorded, observed.status)
}

/// The state facts that this step makes true.
#[must_use]
pub fn notifications(recorded: Option<&Recorded>, observed: &Observed) -> Vec<Notification> {
    let topic = match observed.status {
        Status::Open => Some(Topic::InvoiceFinalized),
        Status::Paid => Some(Topic::InvoicePaid),
        Status::Uncollectible => Some(Topic::InvoiceUncollectible),
        Status::Void => Some(Topic::InvoiceVoided),
        Status::Draft => None,
    };
    transition::on_entering(recorded, observed.status, topic)
}

#[cfg(test)]
mod tests {
    use super::super::transition::{Move, matrix};
    use super::*;

    fn observed(status: Status) -> Observed {
        Observed {
            status,
            customer: None,
            subscription: None,
            payment_intent: None,
            currency: Currency::parse("eur").unwrap(),
            amount_due: 100,
            amount_paid: 0,
            amount_remaining: 100,
            subtotal: 100,
            total: 100,
            attempt_count: 0,
            next_payment_attempt: None,
            billing_reason: None,
            collection_method: "charge_automatically".into(),
            number: None,
            paid_out_of_band: false,
            due_date: None,
            period_start: 0,
            period_end: 0,
            finalized_at: None,
            paid_at: None,
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
    fn each_status_after_the_draft_is_told_once() {
        for (status, topic) in [
            (Status::Open, Topic::InvoiceFinalized),
            (Status::Paid, Topic::InvoicePaid),
            (Status::Uncollectible, Topic::InvoiceUncollectible),
            (Status::Void, Topic::InvoiceVoided),
        ] {
            assert_eq!(step(None, status), (Move::Opened, vec![topic]));
            assert_eq!(step(Some(Status::Draft), status), (Move::Expected, vec![topic]));
            assert_eq!(step(Some(status), status), (Move::Same, vec![]));
        }
        assert_eq!(step(None, Status::Draft), (Move::Opened, vec![]));
    }

    #[test]
    fn a_debt_that_was_written_off_can_still_be_paid() {
        let told = step(Some(Status::Uncollectible), Status::Paid);
        assert_eq!(told, (Move::Expected, vec![Topic::InvoicePaid]));
    }

    #[test]
    fn paid_and_void_are_ends() {
        for end in [Status::Paid, Status::Void] {
            assert_eq!(step(Some(end), Status::Open).0, Move::Anomalous);
        }
    }
}
