//! Customer: who pays. Deletable, and a deleted one never comes back.
//!
//! Name, e-mail, phone and addresses are personal data and nobody's key: they are in no column.

use serde::{Deserialize, Deserializer};

use super::event::Timestamp;
use super::field;
use super::money::{Currency, Minor};
use super::notification::Notification;
use super::transition::{self, Transition};

/// Whether the customer owes money (docs.stripe.com, "The Customer object", `delinquent`).
///
/// Stripe has no `status` here, only this flag; it is the one thing about a customer that comes and
/// goes. Being deleted is no status but the end of the row: a tombstone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Owes nothing.
    Current,
    /// The latest invoice that is charged automatically failed, or one that is sent is past due.
    Delinquent,
}

impl transition::Status for Status {
    const ALL: &'static [Self] = &[Self::Current, Self::Delinquent];

    fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Delinquent => "delinquent",
        }
    }

    fn steps_to(self, next: Self) -> bool {
        match self {
            Self::Current => next == Self::Delinquent,
            Self::Delinquent => next == Self::Current,
        }
    }
}

/// All that Stripe says about a customer and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Observed {
    /// From Stripe's `delinquent`.
    #[serde(default = "owes_nothing", rename = "delinquent", deserialize_with = "status")]
    pub status: Status,
    /// What the next invoice begins with; negative is a credit.
    #[serde(default, deserialize_with = "field::number")]
    pub balance: Option<Minor>,
    /// The currency of the balance and of recurring payments; none before the first of them.
    #[serde(default, deserialize_with = "field::currency")]
    pub currency: Option<Currency>,
    /// `invoice_settings.default_payment_method`: what invoices are charged to.
    #[serde(default, rename = "invoice_settings", deserialize_with = "default_payment_method")]
    pub default_payment_method: Option<String>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, deserialize_with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

fn owes_nothing() -> Status {
    Status::Current
}

/// From `delinquent`, which is absent where it does not apply: a customer without invoices.
fn status<'de, D: Deserializer<'de>>(from: D) -> Result<Status, D::Error> {
    Ok(if field::flag(from)? { Status::Delinquent } else { Status::Current })
}

fn default_payment_method<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct InvoiceSettings {
        #[serde(default, deserialize_with = "field::id_text")]
        default_payment_method: Option<String>,
    }
    Ok(field::object::<InvoiceSettings, D>(from)?.and_then(|it| it.default_payment_method))
}

/// What the rules need to know of the row as it is.
pub type Recorded = transition::Recorded<Status>;

/// Judges the observed status against the recorded one.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::of_status(recorded, &observed.status.into())
}

/// A customer's state tells nothing by itself: what made it delinquent is told by the invoice.
#[must_use]
pub fn notifications(_: Option<&Recorded>, _: &Observed) -> Vec<Notification> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::super::transition::{Move, StatusWord, matrix};
    use super::*;

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<Status>());
    }

    #[test]
    fn a_customer_may_fall_behind_and_catch_up_again_and_again() {
        let observed = |status| Observed {
            status,
            balance: None,
            currency: None,
            default_payment_method: None,
            metadata: vec![],
            created: 0,
        };
        for (from, to) in
            [(Status::Current, Status::Delinquent), (Status::Delinquent, Status::Current)]
        {
            let recorded = Recorded { status: StatusWord::Known(from) };
            assert_eq!(transition(Some(&recorded), &observed(to)).kind, Move::Expected);
            assert_eq!(notifications(Some(&recorded), &observed(to)), []);
        }
    }
}

#[cfg(test)]
#[path = "customer_json_tests.rs"]
mod json_tests;
