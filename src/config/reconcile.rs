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
    /// Rounds of read, fetch, decide, apply before a contested job goes back to the queue.
    pub max_rounds: u32,
}
