//! Price: what a product costs, once or each time.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::field;
use crate::id::ObjectId;
use crate::listing::{BOTH_ACTIVE, Listing, ObjectList};
use crate::money::{Currency, Minor};
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::transition::{RecordedStatus, StatusWord};

use super::catalogue::CatalogueStatus;

/// All that Stripe says about a price and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct PriceObserved {
    /// Whether it can be bought at.
    #[serde(
        rename = "active",
        deserialize_with = "CatalogueStatus::read",
        serialize_with = "CatalogueStatus::write"
    )]
    pub status: CatalogueStatus,
    /// What it is the price of.
    #[serde(deserialize_with = "field::needed_id")]
    pub product: ObjectId,
    /// Its currency.
    pub currency: Currency,
    /// For one unit; none where tiers, or the customer, decide, or where it is less than one cent.
    #[serde(default, deserialize_with = "field::number")]
    pub unit_amount: Option<Minor>,
    /// The same with up to 12 decimals, as Stripe writes it.
    #[serde(default, deserialize_with = "field::text")]
    pub unit_amount_decimal: Option<String>,
    /// `per_unit` or `tiered`.
    pub billing_scheme: String,
    /// How often; none: once.
    #[serde(default, deserialize_with = "field::object", serialize_with = "field::part")]
    pub recurring: Option<Recurring>,
    /// A name for the team's own eyes.
    #[serde(default, deserialize_with = "field::text")]
    pub nickname: Option<String>,
    /// A name that stays when the price is replaced by another.
    #[serde(default, deserialize_with = "field::key")]
    pub lookup_key: Option<String>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

/// How often something is paid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Recurring {
    /// `day`, `week`, `month`, `year`
    #[serde(default, rename(serialize = "recurring_interval"), deserialize_with = "field::text")]
    pub interval: Option<String>,
    /// Each how many of them.
    #[serde(
        default,
        rename(serialize = "recurring_interval_count"),
        deserialize_with = "field::number"
    )]
    pub interval_count: Option<i64>,
    /// `licensed` or `metered`
    #[serde(default, rename(serialize = "recurring_usage_type"), deserialize_with = "field::text")]
    pub usage_type: Option<String>,
}

// It has no notifications: applications look the catalogue up, and wait for no change of it.
impl ObjectKind for PriceObserved {
    type Status = CatalogueStatus;
    type Recorded = RecordedStatus<CatalogueStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "price",
        endpoint: "prices",
        listing: Listing::but(
            &[ObjectList::of("list_prices", "/v1/prices").with(BOTH_ACTIVE)],
            "Prices that were made inline (`price_data`) and deleted ones are in no list.",
        ),
        id_prefixes: &["price_"],
        // A price takes over the id of the plan that it was.
        has_chosen_ids: true,
        facts: &["active", "product", "currency", "unit_amount"],
        signs: Signs { other: &["active", "lookup_key", "nickname", "metadata"], ..Signs::NONE },
        ..KindSpec::PLAIN
    };

    fn status(&self) -> StatusWord<CatalogueStatus> {
        self.status.into()
    }

    fn recorded(&self) -> Self::Recorded {
        RecordedStatus { status: self.status() }
    }
}

#[cfg(test)]
#[path = "price_json_tests.rs"]
mod json_tests;
