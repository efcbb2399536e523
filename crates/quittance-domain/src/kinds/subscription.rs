//! Subscription, with its items: written together, as one observation.

use serde::{Deserialize, Deserializer, Serialize};

use crate::event::Timestamp;
use crate::field::{self, List};
use crate::id::ObjectId;
use crate::listing::{Listing, ObjectList};
use crate::money::Currency;
use crate::notification::Topic;
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::status_word::words;
use crate::transition::{RecordedStatus, StateMachine, StatusWord};

words! {
    /// Stripe's `status` of a subscription (docs.stripe.com, "How subscriptions work", Statuses).
    pub enum SubscriptionStatus {
        /// The first payment is still owed.
        Incomplete = "incomplete",
        /// The first payment was not made within 23 hours.
        IncompleteExpired = "incomplete_expired",
        /// Nothing to pay yet.
        Trialing = "trialing",
        /// In good standing.
        Active = "active",
        /// A renewal is owed, and Stripe tries on.
        PastDue = "past_due",
        /// A renewal is owed, and Stripe tries no more.
        Unpaid = "unpaid",
        /// The trial ended, and there is no method to pay with.
        Paused = "paused",
        /// Over.
        Canceled = "canceled",
    }
}

impl StateMachine for SubscriptionStatus {
    fn steps_to(self, next: Self) -> bool {
        match self {
            // A trial with something to pay up front begins once that is paid.
            Self::Incomplete => matches!(
                next,
                Self::IncompleteExpired | Self::Trialing | Self::Active | Self::Canceled
            ),
            Self::Trialing => {
                matches!(next, Self::Active | Self::PastDue | Self::Paused | Self::Canceled)
            }
            // A trial can be given to a running subscription too (docs.stripe.com, "Use trial
            // periods on subscriptions").
            Self::Active => {
                matches!(next, Self::Trialing | Self::PastDue | Self::Unpaid | Self::Canceled)
            }
            Self::PastDue => {
                matches!(next, Self::Trialing | Self::Active | Self::Unpaid | Self::Canceled)
            }
            Self::Unpaid => matches!(next, Self::Active | Self::PastDue | Self::Canceled),
            Self::Paused => matches!(next, Self::Active | Self::PastDue | Self::Canceled),
            Self::IncompleteExpired | Self::Canceled => false,
        }
    }
}

/// All that Stripe says about a subscription and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct SubscriptionObserved {
    /// Stripe's status.
    pub status: StatusWord<SubscriptionStatus>,
    /// Who pays.
    #[serde(deserialize_with = "field::needed_id_text")]
    pub customer: String,
    /// The currency of all its items.
    pub currency: Currency,
    /// `charge_automatically` or `send_invoice`.
    pub collection_method: String,
    /// When its trial began.
    #[serde(default, deserialize_with = "field::time")]
    pub trial_start: Option<Timestamp>,
    /// When its trial ends, or ended.
    #[serde(default, deserialize_with = "field::time")]
    pub trial_end: Option<Timestamp>,
    /// It will not be renewed.
    pub cancel_at_period_end: bool,
    /// When it will be canceled.
    #[serde(default, deserialize_with = "field::time")]
    pub cancel_at: Option<Timestamp>,
    /// When somebody asked for the end; the end itself may come later.
    #[serde(default, deserialize_with = "field::time")]
    pub canceled_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, deserialize_with = "field::time")]
    pub ended_at: Option<Timestamp>,
    /// Invoices are made and not collected.
    #[serde(
        default,
        rename(deserialize = "pause_collection"),
        deserialize_with = "field::object",
        serialize_with = "field::part"
    )]
    pub pause: Option<SubscriptionPause>,
    /// What it is paid with; none: the customer's own default.
    #[serde(default, deserialize_with = "field::id_text")]
    pub default_payment_method: Option<String>,
    /// Its newest invoice.
    #[serde(default, deserialize_with = "field::object_id")]
    pub latest_invoice: Option<ObjectId>,
    /// The schedule that drives it.
    #[serde(default, deserialize_with = "field::object_id")]
    pub schedule: Option<ObjectId>,
    /// All of its items, sorted by id.
    #[serde(deserialize_with = "items")]
    pub items: Vec<SubscriptionItem>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

/// `pause_collection`. The status stays what it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct SubscriptionPause {
    /// `keep_as_draft`, `mark_uncollectible` or `void`: what becomes of the invoices meanwhile.
    #[serde(default, rename(serialize = "pause_collection"), deserialize_with = "field::text")]
    pub behavior: Option<String>,
    /// When collection goes on by itself.
    #[serde(default, rename(serialize = "pause_resumes_at"), deserialize_with = "field::time")]
    pub resumes_at: Option<Timestamp>,
}

/// One thing that is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct SubscriptionItem {
    /// `si_...`
    #[serde(deserialize_with = "field::needed_id")]
    pub id: ObjectId,
    /// Its price.
    pub price: SubscriptionItemPrice,
    /// How many; none where use is metered.
    #[serde(default, deserialize_with = "field::number")]
    pub quantity: Option<i64>,
    /// What is paid for, from.
    #[serde(deserialize_with = "field::needed_time")]
    pub current_period_start: Timestamp,
    /// What is paid for, until.
    #[serde(deserialize_with = "field::needed_time")]
    pub current_period_end: Timestamp,
    /// The team's own keys and values, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

/// What is kept of the price of an item.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct SubscriptionItemPrice {
    /// `price_...`
    #[serde(rename(serialize = "price"), deserialize_with = "field::needed_id")]
    pub id: ObjectId,
    /// What it is the price of.
    #[serde(deserialize_with = "field::needed_id")]
    pub product: ObjectId,
}

/// Each of them is needed: an item that is not seen counts as gone.
fn items<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SubscriptionItem>, D::Error> {
    let mut items = List::<SubscriptionItem>::deserialize(from)?.data;
    items.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    Ok(items)
}

impl SubscriptionObserved {
    /// The billing period, start and end.
    ///
    /// Since 2025-03-31 each item has a period of its own (docs.stripe.com, "Upgrades",
    /// 2025-03-31.basil). Where they differ, the one that ends first is when money is next due.
    #[must_use]
    pub fn current_period(&self) -> Option<(Timestamp, Timestamp)> {
        let periods =
            self.items.iter().map(|item| (item.current_period_end, item.current_period_start));
        periods.min().map(|(end, start)| (start, end))
    }
}

impl ObjectKind for SubscriptionObserved {
    type Status = SubscriptionStatus;
    type Recorded = RecordedStatus<SubscriptionStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "subscription",
        endpoint: "subscriptions",
        listing: Listing::of(&[
            ObjectList::of("list_subscriptions", "/v1/subscriptions").with(&["status=all"])
        ]),
        id_prefixes: &["sub_"],
        facts: &[
            "customer",
            "currency",
            "current_period_end",
            "trial_end",
            "cancel_at_period_end",
            "latest_invoice",
        ],
        signs: Signs {
            once: &["ended_at", "latest_invoice"],
            other: &[
                "cancel_at",
                "cancel_at_period_end",
                "canceled_at",
                "default_payment_method",
                "items.data",
                "pause_collection",
                "schedule",
                "trial_end",
                "metadata",
            ],
            ..Signs::NONE
        },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<SubscriptionStatus> {
        self.status.clone()
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }

    fn topic(entered: SubscriptionStatus) -> Option<Topic> {
        match entered {
            SubscriptionStatus::Trialing => Some(Topic::SubscriptionTrialing),
            SubscriptionStatus::Active => Some(Topic::SubscriptionActivated),
            SubscriptionStatus::PastDue => Some(Topic::SubscriptionPastDue),
            SubscriptionStatus::Unpaid => Some(Topic::SubscriptionUnpaid),
            SubscriptionStatus::Paused => Some(Topic::SubscriptionPaused),
            SubscriptionStatus::Canceled => Some(Topic::SubscriptionCanceled),
            // Never begun: there is nothing to give and nothing to take back.
            SubscriptionStatus::Incomplete | SubscriptionStatus::IncompleteExpired => None,
        }
    }

    fn derived(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Derived {
            current_period_start: Option<Timestamp>,
            current_period_end: Option<Timestamp>,
        }
        let (current_period_start, current_period_end) = self.current_period().unzip();
        Derived { current_period_start, current_period_end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_kind;
    use crate::transition::{Move, matrix};

    fn observed(status: SubscriptionStatus) -> SubscriptionObserved {
        SubscriptionObserved {
            status: status.into(),
            customer: "cus_1".into(),
            currency: Currency::parse("eur").unwrap(),
            collection_method: "charge_automatically".into(),
            trial_start: None,
            trial_end: None,
            cancel_at_period_end: false,
            cancel_at: None,
            canceled_at: None,
            ended_at: None,
            pause: None,
            default_payment_method: None,
            latest_invoice: None,
            schedule: None,
            items: vec![],
            metadata: vec![],
            created: 0,
        }
    }

    fn item(id: &str, start: Timestamp, end: Timestamp) -> SubscriptionItem {
        SubscriptionItem {
            id: ObjectId::parse(id).unwrap(),
            price: SubscriptionItemPrice {
                id: ObjectId::parse("price_1").unwrap(),
                product: ObjectId::parse("prod_1").unwrap(),
            },
            quantity: Some(1),
            current_period_start: start,
            current_period_end: end,
            metadata: vec![],
            created: 0,
        }
    }

    fn step(from: Option<SubscriptionStatus>, to: SubscriptionStatus) -> (Move, Vec<Topic>) {
        object_kind::step(from, &observed(to))
    }

    #[test]
    fn the_state_machine_is_the_reviewed_one() {
        insta::assert_snapshot!(matrix::<SubscriptionStatus>());
    }

    #[test]
    fn a_failed_renewal_is_told_and_so_is_its_recovery() {
        let told = step(Some(SubscriptionStatus::Active), SubscriptionStatus::PastDue);
        assert_eq!(told, (Move::Expected, vec![Topic::SubscriptionPastDue]));
        let told = step(Some(SubscriptionStatus::PastDue), SubscriptionStatus::Active);
        assert_eq!(told, (Move::Expected, vec![Topic::SubscriptionActivated]));
        assert_eq!(
            step(Some(SubscriptionStatus::Active), SubscriptionStatus::Active),
            (Move::Same, vec![])
        );
    }

    #[test]
    fn a_subscription_that_never_began_tells_nothing() {
        assert_eq!(step(None, SubscriptionStatus::Incomplete), (Move::Opened, vec![]));
        let expired =
            step(Some(SubscriptionStatus::Incomplete), SubscriptionStatus::IncompleteExpired);
        assert_eq!(expired, (Move::Expected, vec![]));
    }

    #[test]
    fn what_is_over_stays_over() {
        assert_eq!(
            step(Some(SubscriptionStatus::Canceled), SubscriptionStatus::Active).0,
            Move::Anomalous
        );
        assert_eq!(
            step(Some(SubscriptionStatus::IncompleteExpired), SubscriptionStatus::Active).0,
            Move::Anomalous
        );
    }

    #[test]
    fn the_period_is_that_of_the_item_which_is_due_first() {
        let mut it = observed(SubscriptionStatus::Active);
        assert_eq!(it.current_period(), None);
        it.items = vec![item("si_year", 0, 365), item("si_month", 330, 360)];
        assert_eq!(it.current_period(), Some((330, 360)));
    }
}

#[cfg(test)]
#[path = "subscription_json_tests.rs"]
mod json_tests;
