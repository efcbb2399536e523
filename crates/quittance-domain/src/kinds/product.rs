//! Product: what is sold.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::field;
use crate::id::ObjectId;
use crate::listing::{BOTH_ACTIVE, Listing, ObjectList};
use crate::object_kind::{KindSpec, ObjectKind, Signs};
use crate::transition::{RecordedStatus, StatusWord};

use super::catalogue::CatalogueStatus;

/// All that Stripe says about a product and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct ProductObserved {
    /// Whether it can be bought.
    #[serde(
        rename = "active",
        deserialize_with = "CatalogueStatus::read",
        serialize_with = "CatalogueStatus::write"
    )]
    pub status: CatalogueStatus,
    /// What customers read.
    #[serde(default, deserialize_with = "field::text")]
    pub name: Option<String>,
    /// What else they read.
    #[serde(default, deserialize_with = "field::text")]
    pub description: Option<String>,
    /// The price that is taken where none is named.
    #[serde(default, deserialize_with = "field::object_id")]
    pub default_price: Option<ObjectId>,
    /// `seat`, `hour`, ...
    #[serde(default, deserialize_with = "field::text")]
    pub unit_label: Option<String>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(rename(serialize = "stripe_created"), deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

// It has no notifications: applications look the catalogue up, and wait for no change of it.
impl ObjectKind for ProductObserved {
    type Status = CatalogueStatus;
    type Recorded = RecordedStatus<CatalogueStatus>;

    const SPEC: KindSpec = KindSpec {
        object: "product",
        endpoint: "products",
        listing: Listing::but(
            &[ObjectList::of("list_products", "/v1/products").with(BOTH_ACTIVE)],
            "Deleted products are in no list.",
        ),
        id_prefixes: &["prod_"],
        has_chosen_ids: true,
        facts: &["active", "name"],
        signs: Signs {
            rising: &["updated"],
            other: &["active", "default_price", "description", "name", "metadata"],
            ..Signs::NONE
        },
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
#[path = "product_json_tests.rs"]
mod json_tests;
