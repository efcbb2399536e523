//! Price: what a product costs, once or each time.

use serde::Deserialize;

use super::event::Timestamp;
use super::field;
use super::id::ObjectId;
use super::money::{Currency, Minor};
use super::notification::Notification;
use super::transition::{self, Transition};

pub use super::catalogue::Status;

/// All that Stripe says about a price and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Observed {
    /// Whether it can be bought at.
    #[serde(rename = "active", deserialize_with = "Status::read")]
    pub status: Status,
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
    #[serde(default, deserialize_with = "field::object")]
    pub recurring: Option<Recurring>,
    /// A name for the team's own eyes.
    #[serde(default, deserialize_with = "field::text")]
    pub nickname: Option<String>,
    /// A name that stays when the price is replaced by another.
    #[serde(default, deserialize_with = "field::key")]
    pub lookup_key: Option<String>,
    /// The team's own link to their rows, sorted by key.
    #[serde(default, deserialize_with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(deserialize_with = "field::needed_time")]
    pub created: Timestamp,
}

/// How often something is paid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Recurring {
    /// `day`, `week`, `month`, `year`
    #[serde(default, deserialize_with = "field::text")]
    pub interval: Option<String>,
    /// Each how many of them.
    #[serde(default, deserialize_with = "field::number")]
    pub interval_count: Option<i64>,
    /// `licensed` or `metered`
    #[serde(default, deserialize_with = "field::text")]
    pub usage_type: Option<String>,
}

/// What the rules need to know of the row as it is.
pub type Recorded = transition::Recorded<Status>;

/// Judges the observed status against the recorded one.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::of_status(recorded, &observed.status.into())
}

/// None: a catalogue is looked up, and nobody waits for it.
#[must_use]
pub fn notifications(_: Option<&Recorded>, _: &Observed) -> Vec<Notification> {
    Vec::new()
}

#[cfg(test)]
#[path = "price_json_tests.rs"]
mod json_tests;
