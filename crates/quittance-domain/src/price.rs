//! Price: what a product costs, once or each time.

use super::event::Timestamp;
use super::id::ObjectId;
use super::money::{Currency, Minor};
use super::notification::Notification;
use super::transition::{self, Transition};

pub use super::catalogue::Status;

/// All that Stripe says about a price and that we keep in columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Whether it can be bought at.
    pub status: Status,
    /// What it is the price of.
    pub product: ObjectId,
    /// Its currency.
    pub currency: Currency,
    /// For one unit; none where tiers, or the customer, decide, or where it is less than one cent.
    pub unit_amount: Option<Minor>,
    /// The same with up to 12 decimals, as Stripe writes it.
    pub unit_amount_decimal: Option<String>,
    /// `per_unit` or `tiered`.
    pub billing_scheme: String,
    /// How often; none: once.
    pub recurring: Option<Recurring>,
    /// A name for the team's own eyes.
    pub nickname: Option<String>,
    /// A name that stays when the price is replaced by another.
    pub lookup_key: Option<String>,
    /// The team's own link to their rows, sorted by key.
    pub metadata: Vec<(String, String)>,
    /// When Stripe made it.
    pub created: Timestamp,
}

/// How often something is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurring {
    /// `day`, `week`, `month`, `year`
    pub interval: String,
    /// Each how many of them.
    pub interval_count: i64,
    /// `licensed` or `metered`
    pub usage_type: String,
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
