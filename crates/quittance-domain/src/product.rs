//! Product: what is sold.

use serde::Deserialize;

use super::event::Timestamp;
use super::field;
use super::id::ObjectId;
use super::notification::Notification;
use super::transition::{self, Transition};

pub use super::catalogue::Status;

/// All that Stripe says about a product and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Observed {
    /// Whether it can be bought.
    #[serde(rename = "active", deserialize_with = "Status::read")]
    pub status: Status,
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
    #[serde(default, deserialize_with = "field::metadata")]
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    #[serde(deserialize_with = "field::needed_time")]
    pub created: Timestamp,
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
#[path = "product_json_tests.rs"]
mod json_tests;
