//! Customer: who pays. Deletable, and a deleted one never comes back.
//!
//! Name, e-mail, phone and addresses are personal data and nobody's key: they are in no column.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::Timestamp;
use crate::field;
use crate::listing::{Listing, ObjectList};
use crate::money::{Currency, Minor};
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::status_word::words;
use crate::transition::{RecordedStatus, StateMachine, StatusWord};

words! {
    /// Whether the customer owes money (docs.stripe.com, "The Customer object", `delinquent`).
    ///
    /// Stripe has no `status` here, only this flag; it is the one thing about a customer that comes and
    /// goes. Being deleted is no status but the end of the row: a tombstone.
    pub enum CustomerStatus {
        /// Owes nothing.
        Current = "current",
        /// The latest invoice that is charged automatically failed, or one that is sent is past due.
        Delinquent = "delinquent",
    }
}

impl StateMachine for CustomerStatus {
    fn steps_to(self, next: Self) -> bool {
        match self {
            Self::Current => next == Self::Delinquent,
            Self::Delinquent => next == Self::Current,
        }
    }
}

/// All that Stripe says about a customer and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct CustomerObserved {
    /// From Stripe's `delinquent`.
    #[serde(
        default = "owes_nothing",
        rename = "delinquent",
        deserialize_with = "status",
        serialize_with = "is_delinquent"
    )]
    pub status: CustomerStatus,
    /// What the next invoice begins with; negative is a credit.
    #[serde(default, deserialize_with = "field::number")]
    pub balance: Option<Minor>,
    /// The currency of the balance and of recurring payments; none before the first of them.
    #[serde(default, deserialize_with = "field::currency")]
    pub currency: Option<Currency>,
    /// `invoice_settings.default_payment_method`: what invoices are charged to.
    #[serde(
        default,
        rename(deserialize = "invoice_settings"),
        deserialize_with = "default_payment_method"
    )]
    pub default_payment_method: Option<String>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

fn owes_nothing() -> CustomerStatus {
    CustomerStatus::Current
}

/// From `delinquent`, which is absent where it does not apply: a customer without invoices.
fn status<'de, D: Deserializer<'de>>(from: D) -> Result<CustomerStatus, D::Error> {
    Ok(if field::flag(from)? { CustomerStatus::Delinquent } else { CustomerStatus::Current })
}

fn is_delinquent<S: Serializer>(status: &CustomerStatus, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(*status == CustomerStatus::Delinquent)
}

fn default_payment_method<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct InvoiceSettings {
        #[serde(default, deserialize_with = "field::id_text")]
        default_payment_method: Option<String>,
    }
    Ok(field::object::<InvoiceSettings, D>(from)?.and_then(|it| it.default_payment_method))
}

// It has no notifications: what made a customer delinquent is told by the invoice.
impl ObjectKind for CustomerObserved {
    type Status = CustomerStatus;
    type Recorded = RecordedStatus<CustomerStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "customer",
        endpoint: "customers",
        listing: Listing::but(
            &[ObjectList::of("list_customers", "/v1/customers")],
            "Deleted customers are in no list.",
        ),
        id_prefixes: &["cus_"],
        has_chosen_ids: true,
        facts: &["delinquent"],
        signs: Signs {
            other: &[
                "balance",
                "currency",
                "delinquent",
                "invoice_settings.default_payment_method",
                "metadata",
            ],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<CustomerStatus> {
        self.status.into()
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::{Move, StatusWord, matrix};

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<CustomerStatus>());
    }

    #[test]
    fn a_customer_may_fall_behind_and_catch_up_again_and_again() {
        let observed = |status| CustomerObserved {
            status,
            balance: None,
            currency: None,
            default_payment_method: None,
            metadata: vec![],
            created: 0,
        };
        for (from, to) in [
            (CustomerStatus::Current, CustomerStatus::Delinquent),
            (CustomerStatus::Delinquent, CustomerStatus::Current),
        ] {
            let recorded = RecordedStatus { status: StatusWord::Known(from) };
            assert_eq!(observed(to).transition(Some(&recorded)).kind, Move::Expected);
            assert_eq!(observed(to).notifications(Some(&recorded)), []);
        }
    }
}

#[cfg(test)]
#[path = "customer_json_tests.rs"]
mod json_tests;
