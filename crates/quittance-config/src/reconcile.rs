//! Settings of the reconciler: `[reconcile]`.

use std::time::Duration;

use serde::Deserialize;

/// `[reconcile]`: how rows are updated from Stripe.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    /// Allowed skew between Stripe's clocks; whole seconds.
    #[serde(with = "humantime_serde")]
    pub clock_skew: Duration,
    /// How long Stripe's API may lag behind an event; zero: it is always trusted.
    #[serde(with = "humantime_serde")]
    pub read_lag: Duration,
    /// Rounds of read, fetch, decide and apply before a job with conflicts goes back to the queue.
    pub max_rounds: u32,
    /// Kinds whose snapshots in events are used instead of a fetch where that is safe: of [`SNAPSHOTS`].
    pub snapshots: Vec<String>,
}

/// Kinds whose snapshot in an event is as complete as a fetch. An invoice is fetched with its payments, a
/// connected account with the requirements of its capabilities.
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
