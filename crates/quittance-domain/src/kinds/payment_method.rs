//! PaymentMethod: a card or an account that can be charged, and whose it is.
//!
//! Never a number: Stripe does not tell it, and the fingerprint that stands for it is in no column.

use serde::{Deserialize, Deserializer, Serialize};

use crate::event::Timestamp;
use crate::field;
use crate::listing::{Listing, ObjectList};
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::owner::Owner;
use crate::status_word::words;
use crate::transition::{RecordedStatus, StateMachine, StatusWord};

words! {
    /// Whether a customer has it (docs.stripe.com, "The PaymentMethod object", `customer`).
    ///
    /// Stripe has no `status` here. A method that was detached and one that was never attached look
    /// the same; Stripe tells events of a method only once it has been attached, so a row that says
    /// `detached` was attached at some time, as good as always.
    pub enum PaymentMethodStatus {
        /// A customer has it.
        Attached = "attached",
        /// Nobody has it; it cannot be charged again.
        Detached = "detached",
    }
}

impl StateMachine for PaymentMethodStatus {
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct PaymentMethodObserved {
    /// Whose it is; none once it is detached.
    #[serde(default, deserialize_with = "field::id_text")]
    pub customer: Option<String>,
    /// `card`, `us_bank_account`, `sepa_debit`, ...
    #[serde(rename = "type")]
    pub method_type: String,
    /// Cards: what is printed on them, as far as we keep it.
    #[serde(default, deserialize_with = "field::object", serialize_with = "field::part")]
    pub card: Option<Card>,
    /// Bank accounts in the US.
    #[serde(default, deserialize_with = "field::object", skip_serializing)]
    pub us_bank_account: Option<BankAccount>,
    /// Bank accounts in Europe.
    #[serde(default, deserialize_with = "field::object", skip_serializing)]
    pub sepa_debit: Option<BankAccount>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

/// What we keep of a card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Card {
    /// `visa`, `mastercard`, ...
    #[serde(default, deserialize_with = "field::text")]
    pub brand: Option<String>,
    /// The last four digits.
    #[serde(default, deserialize_with = "last4", skip_serializing)]
    pub last4: Option<String>,
    /// 1 to 12. Networks send a new date when they send a new card.
    #[serde(default, deserialize_with = "field::number")]
    pub exp_month: Option<i64>,
    /// With the century.
    #[serde(default, deserialize_with = "field::number")]
    pub exp_year: Option<i64>,
}

/// What we keep of a bank account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct BankAccount {
    /// The last four digits.
    #[serde(default, deserialize_with = "last4")]
    pub last4: Option<String>,
}

/// The last four digits, or none: whatever is longer may be the whole number, and is not kept.
fn last4<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(field::text(from)?.filter(|text| text.chars().count() <= 4))
}

impl PaymentMethodObserved {
    /// The last four digits of a card or a bank account.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        let card = self.card.as_ref().and_then(|card| card.last4.as_deref());
        let mut banks = [&self.us_bank_account, &self.sepa_debit].into_iter().flatten();
        card.or_else(|| banks.find_map(|bank| bank.last4.as_deref()))
    }
}

// It has no notifications: that a method was saved is told by its setup.
impl ObjectKind for PaymentMethodObserved {
    type Status = PaymentMethodStatus;
    type Recorded = RecordedStatus<PaymentMethodStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "payment_method",
        endpoint: "payment_methods",
        listing: Listing::but(
            &[ObjectList::under(
                Owner::Customer,
                "list_customer_payment_methods",
                "/v1/customers/{customer}/payment_methods",
            )],
            "Those without a customer, detached ones among them, are in no list; the others are listed by customer.",
        ),
        // The others are of the time before PaymentMethods, and appear as such too.
        id_prefixes: &["pm_", "card_", "ba_", "src_"],
        facts: &["customer", "type"],
        signs: Signs {
            // A method that was detached cannot be attached again; one that is not attached looks the
            // same.
            other: &["customer", "card", "metadata"],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    /// Whether a customer has it.
    fn status(&self) -> StatusWord<PaymentMethodStatus> {
        match self.customer {
            Some(_) => PaymentMethodStatus::Attached.into(),
            None => PaymentMethodStatus::Detached.into(),
        }
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }

    fn derived(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Derived<'a> {
            status: StatusWord<PaymentMethodStatus>,
            last4: Option<&'a str>,
        }
        Derived { status: self.status(), last4: self.last4() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::{Move, matrix};

    fn observed(customer: Option<&str>) -> PaymentMethodObserved {
        PaymentMethodObserved {
            customer: customer.map(str::to_owned),
            method_type: "card".into(),
            card: None,
            us_bank_account: None,
            sepa_debit: None,
            metadata: vec![],
            created: 0,
        }
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<PaymentMethodStatus>());
    }

    #[test]
    fn a_method_without_a_customer_is_detached() {
        assert_eq!(observed(Some("cus_1")).status(), PaymentMethodStatus::Attached);
        assert_eq!(observed(None).status(), PaymentMethodStatus::Detached);
        let recorded = RecordedStatus { status: PaymentMethodStatus::Attached.into() };
        assert_eq!(observed(None).transition(Some(&recorded)).kind, Move::Expected);
        assert_eq!(observed(None).notifications(Some(&recorded)), []);
    }
}

#[cfg(test)]
#[path = "payment_method_json_tests.rs"]
mod json_tests;
