//! `[reconcile]`

use std::time::Duration;

use serde::Deserialize;

/// `[reconcile]`: how rows are brought up to date.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    /// Allowed skew between Stripe's own clocks; whole seconds.
    #[serde(with = "humantime_serde")]
    pub clock_skew: Duration,
    /// How long Stripe's API may lag behind an event; zero: it is always believed.
    #[serde(with = "humantime_serde")]
    pub read_lag: Duration,
    /// Rounds of read, fetch, decide, apply before a contested job goes back to the queue.
    pub max_rounds: u32,
    /// Kinds whose events' own snapshots are believed where that is safe: of [`SNAPSHOTS`].
    pub snapshots: Vec<String>,
}

/// Kinds whose snapshot in an event is all that a fetch would bring. An invoice is fetched with its
/// payments, a connected account with what its capabilities lack.
pub const SNAPSHOTS: &[&str] = &[
    "charge",
    "checkout.session",
    "customer",
    "dispute",
    "payment_intent",
    "payment_method",
    "payout",
    "price",
    "product",
    "refund",
    "setup_intent",
    "subscription",
    "subscription_schedule",
];
