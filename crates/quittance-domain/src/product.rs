//! Product: what is sold.

use super::event::Timestamp;
use super::id::ObjectId;
use super::notification::Notification;
use super::transition::{self, Transition};

pub use super::catalogue::Status;

/// All that Stripe says about a product and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Whether it can be bought.
    pub status: Status,
    /// What customers read.
    pub name: String,
    /// What else they read.
    pub description: Option<String>,
    /// The price that is taken where none is named.
    pub default_price: Option<ObjectId>,
    /// `seat`, `hour`, ...
    pub unit_label: Option<String>,
    /// The team's own link to their rows, sorted by key.
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    pub created: Timestamp,
}

/// What the rules need to know of the row as it is.
pub type Recorded = transition::Recorded<Status>;

/// Judges the observed status against the recorded one.
#[must_use]
pub fn transition(recorded: Option<&Recorded>, observed: &Observed) -> Transition {
    transition::of_status(recorded, observed.status)
}

/// None: a catalogue is looked up, and nobody waits for it.
#[must_use]
pub fn notifications(_: Option<&Recorded>, _: &Observed) -> Vec<Notification> {
    Vec::new()
}
