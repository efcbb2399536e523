//! Invoice: from draft to paid, or not.

use serde::{Deserialize, Deserializer, Serialize};

use crate::event::Timestamp;
use crate::field;
use crate::id::ObjectId;
use crate::listing::{Listing, ObjectList};
use crate::money::{Currency, Minor};
use crate::notification::Topic;
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::status_word::words;
use crate::transition::{RecordedStatus, StateMachine, StatusWord};

words! {
    /// Stripe's `status` of an invoice (docs.stripe.com, "InvoiceStatus transitions and finalization").
    pub enum InvoiceStatus {
        /// Can still be changed, or deleted.
        Draft = "draft",
        /// Finalised, and owed.
        Open = "open",
        /// Settled, by Stripe or out of band.
        Paid = "paid",
        /// Written off; can still be paid.
        Uncollectible = "uncollectible",
        /// Called off.
        Void = "void",
    }
}

impl StateMachine for InvoiceStatus {
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct InvoiceObserved {
    /// Stripe's status, which it documents as nullable.
    pub status: Option<StatusWord<InvoiceStatus>>,
    /// Who owes.
    #[serde(default, deserialize_with = "field::id_text")]
    pub customer: Option<String>,
    /// The subscription that it bills.
    #[serde(default, rename(deserialize = "parent"), deserialize_with = "subscription")]
    pub subscription: Option<ObjectId>,
    /// The payment that paid it, or that is to.
    #[serde(default, rename(deserialize = "payments"), deserialize_with = "payment_intent")]
    pub payment_intent: Option<ObjectId>,
    /// Its currency.
    pub currency: Currency,
    /// What is to be paid.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount_due: Minor,
    /// What was paid of it.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount_paid: Minor,
    /// What is left of it.
    #[serde(deserialize_with = "field::needed_number")]
    pub amount_remaining: Minor,
    /// Before discounts and taxes.
    #[serde(deserialize_with = "field::needed_number")]
    pub subtotal: Minor,
    /// After discounts and taxes.
    #[serde(deserialize_with = "field::needed_number")]
    pub total: Minor,
    /// Tries of the payment so far, by Stripe's schedule.
    #[serde(deserialize_with = "field::needed_number")]
    pub attempt_count: i64,
    /// The next one.
    #[serde(default, deserialize_with = "field::time")]
    pub next_payment_attempt: Option<Timestamp>,
    /// `subscription_create`, `subscription_cycle`, `subscription_update`, `manual`, ...
    #[serde(default, deserialize_with = "field::text")]
    pub billing_reason: Option<String>,
    /// `charge_automatically` or `send_invoice`.
    pub collection_method: String,
    /// The number that the customer sees; none before it is final.
    #[serde(default, deserialize_with = "field::text")]
    pub number: Option<String>,
    /// Money came by a way that Stripe did not see.
    #[serde(
        default,
        rename(deserialize = "amount_paid_off_stripe"),
        deserialize_with = "is_some_amount"
    )]
    pub paid_out_of_band: bool,
    /// When it is due; none where it is charged automatically.
    #[serde(default, deserialize_with = "field::time")]
    pub due_date: Option<Timestamp>,
    /// What it bills, from: for a subscription the period *before* the one that it opens.
    #[serde(deserialize_with = "field::needed_time")]
    pub period_start: Timestamp,
    /// What it bills, until.
    #[serde(deserialize_with = "field::needed_time")]
    pub period_end: Timestamp,
    /// When it came to where it stands.
    #[serde(default, deserialize_with = "status_transitions")]
    pub status_transitions: StatusTransitions,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

/// Stripe's `status_transitions` of an invoice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct StatusTransitions {
    /// When it left the draft.
    #[serde(default, deserialize_with = "field::time")]
    pub finalized_at: Option<Timestamp>,
    /// When it was paid.
    #[serde(default, deserialize_with = "field::time")]
    pub paid_at: Option<Timestamp>,
}

fn status_transitions<'de, D: Deserializer<'de>>(from: D) -> Result<StatusTransitions, D::Error> {
    Ok(field::object(from)?.unwrap_or_default())
}

/// From `parent`, which says what an invoice was made for.
fn subscription<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ObjectId>, D::Error> {
    #[derive(Deserialize)]
    struct Parent {
        #[serde(default, deserialize_with = "field::object")]
        subscription_details: Option<SubscriptionDetails>,
    }
    #[derive(Deserialize)]
    struct SubscriptionDetails {
        #[serde(default, deserialize_with = "field::object_id")]
        subscription: Option<ObjectId>,
    }
    let details = field::object::<Parent, D>(from)?.and_then(|it| it.subscription_details);
    Ok(details.and_then(|it| it.subscription))
}

/// From `payments`: of several the one that paid; else the one that Stripe will try next.
fn payment_intent<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ObjectId>, D::Error> {
    #[derive(Deserialize)]
    struct InvoicePayment {
        #[serde(default, deserialize_with = "field::text")]
        status: Option<String>,
        #[serde(default, deserialize_with = "field::optional_flag")]
        is_default: bool,
        #[serde(default, deserialize_with = "field::object")]
        payment: Option<Payment>,
    }
    #[derive(Deserialize)]
    struct Payment {
        #[serde(default, deserialize_with = "field::object_id")]
        payment_intent: Option<ObjectId>,
    }
    let all = field::list::<InvoicePayment, D>(from)?;
    let rank = |it: &InvoicePayment| match (it.status.as_deref(), it.is_default) {
        (Some("paid"), _) => 0,
        (_, true) => 1,
        (_, false) => 2,
    };
    let intents = all.into_iter().filter_map(|it| {
        let rank = rank(&it);
        Some((rank, it.payment?.payment_intent?))
    });
    // The first of the best.
    Ok(intents.min_by_key(|(rank, _)| *rank).map(|(_, id)| id))
}

/// Whether an amount is there and is more than nothing.
fn is_some_amount<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(field::number(from)?.is_some_and(|amount| amount > 0))
}

impl ObjectKind for InvoiceObserved {
    type Status = InvoiceStatus;
    type Recorded = RecordedStatus<InvoiceStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "invoice",
        endpoint: "invoices",
        listing: Listing::but(
            &[ObjectList::of("list_invoices", "/v1/invoices")],
            "Deleted drafts are in no list.",
        ),
        expand: &["amount_paid_off_stripe", "payments"],
        id_prefixes: &["in_"],
        // Fetched with its payments.
        is_whole_in_events: false,
        facts: &[
            "customer",
            "subscription",
            "payment_intent",
            "currency",
            "amount_due",
            "amount_paid",
            "number",
            "paid_out_of_band",
        ],
        signs: Signs {
            once: &[
                "number",
                "status_transitions.finalized_at",
                "status_transitions.marked_uncollectible_at",
                "status_transitions.paid_at",
                "status_transitions.voided_at",
            ],
            rising: &["attempt_count"],
            other: &["amount_due", "amount_paid", "due_date", "next_payment_attempt", "metadata"],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<InvoiceStatus> {
        StatusWord::or_none(self.status.as_ref())
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }

    fn topic(entered: InvoiceStatus) -> Option<Topic> {
        match entered {
            InvoiceStatus::Open => Some(Topic::InvoiceFinalized),
            InvoiceStatus::Paid => Some(Topic::InvoicePaid),
            InvoiceStatus::Uncollectible => Some(Topic::InvoiceUncollectible),
            InvoiceStatus::Void => Some(Topic::InvoiceVoided),
            InvoiceStatus::Draft => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_kind;
    use crate::transition::{Move, matrix};

    fn observed(status: InvoiceStatus) -> InvoiceObserved {
        InvoiceObserved {
            status: Some(status.into()),
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
            status_transitions: StatusTransitions::default(),
            metadata: vec![],
            created: 0,
        }
    }

    fn step(from: Option<InvoiceStatus>, to: InvoiceStatus) -> (Move, Vec<Topic>) {
        object_kind::step(from, &observed(to))
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<InvoiceStatus>());
    }

    #[test]
    fn each_status_after_the_draft_is_told_once() {
        for (status, topic) in [
            (InvoiceStatus::Open, Topic::InvoiceFinalized),
            (InvoiceStatus::Paid, Topic::InvoicePaid),
            (InvoiceStatus::Uncollectible, Topic::InvoiceUncollectible),
            (InvoiceStatus::Void, Topic::InvoiceVoided),
        ] {
            assert_eq!(step(None, status), (Move::Opened, vec![topic]));
            assert_eq!(step(Some(InvoiceStatus::Draft), status), (Move::Expected, vec![topic]));
            assert_eq!(step(Some(status), status), (Move::Same, vec![]));
        }
        assert_eq!(step(None, InvoiceStatus::Draft), (Move::Opened, vec![]));
    }

    #[test]
    fn a_debt_that_was_written_off_can_still_be_paid() {
        let told = step(Some(InvoiceStatus::Uncollectible), InvoiceStatus::Paid);
        assert_eq!(told, (Move::Expected, vec![Topic::InvoicePaid]));
    }

    #[test]
    fn paid_and_void_are_ends() {
        for end in [InvoiceStatus::Paid, InvoiceStatus::Void] {
            assert_eq!(step(Some(end), InvoiceStatus::Open).0, Move::Anomalous);
        }
    }
}

#[cfg(test)]
#[path = "invoice_json_tests.rs"]
mod json_tests;
