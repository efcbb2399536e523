//! PaymentMethod: a card or an account that can be charged, and whose it is.
//!
//! Never a number: Stripe does not tell it, and the fingerprint that stands for it is in no column.

use super::event::Timestamp;
use super::notification::Notification;
use super::transition::{self, Transition};

/// Whether a customer has it (docs.stripe.com, "The PaymentMethod object", `customer`).
///
/// Stripe has no `status` here. A method that was detached and one that was never attached look
/// the same; Stripe tells events of a method only once it has been attached, so a row that says
/// `detached` was attached at some time, as good as always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// A customer has it.
    Attached,
    /// Nobody has it; it cannot be charged again.
    Detached,
}

impl transition::Status for Status {
    const ALL: &'static [Self] = &[Self::Attached, Self::Detached];

    fn as_str(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::Detached => "detached",
        }
    }

    fn steps_to(self, next: Self) -> bool {
        match self {
            Self::Attached => next == Self::Detached,
            // What was really attached once cannot be attached again (docs.stripe.com, "Detach a
            // PaymentMethod"); what was seen before its first attachment can.
            Self::Detached => next == Self::Attached,
        }
    }
}

/// All that Stripe says about a method and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Whose it is; none once it is detached.
    pub customer: Option<String>,
    /// `card`, `us_bank_account`, `sepa_debit`, ...
    pub method_type: String,
    /// Cards: `visa`, `mastercard`, ...
    pub brand: Option<String>,
    /// Cards and bank accounts: the last four digits.
    pub last4: Option<String>,
    /// Cards: 1 to 12. Networks send a new date when they send a new card.
    pub exp_month: Option<i64>,
    /// Cards: with the century.
    pub exp_year: Option<i64>,
    /// The team's own link to their rows, sorted by key.
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    pub created: Timestamp,
}

impl Observed {
    /// Whether a customer has it.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.customer.is_some() { Status::Attached } else { Status::Detached }
    }
}

/// What the rules need to know of the row as it is.
pub type Recorded = transition::Recorded<Status>;

/// Judges the observed status against the recorded one.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::judge(recorded.map(|r| r.status), observed.status())
}

/// Tells nothing: that a method was saved is told by its setup.
#[must_use]
pub fn notifications(_: Option<&Recorded>, _: &Observed) -> Vec<Notification> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::super::transition::{Move, matrix};
    use super::*;

    fn observed(customer: Option<&str>) -> Observed {
        Observed {
            customer: customer.map(str::to_owned),
            method_type: "card".into(),
            brand: None,
            last4: None,
            exp_month: None,
            exp_year: None,
            metadata: vec![],
            created: 0,
        }
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<Status>());
    }

    #[test]
    fn a_method_without_a_customer_is_detached() {
        assert_eq!(observed(Some("cus_1")).status(), Status::Attached);
        assert_eq!(observed(None).status(), Status::Detached);
        let recorded = Recorded { status: Status::Attached };
        assert_eq!(transition(Some(&recorded), &observed(None)).kind, Move::Expected);
        assert_eq!(notifications(Some(&recorded), &observed(None)), []);
    }
}
