//! Settings of a simulator that are fixed when it starts; those that may change are in [`Chaos`](super::Chaos).

use std::time::Duration;

/// Settings that a simulator is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Seeds the ids and every random choice: the same seed and the same order of calls make
    /// the same run.
    pub seed: u64,
    /// The key of the account; `sk_live_` and `rk_live_` keys open the live mode, others the test
    /// mode.
    pub secret_key: String,
    /// A second key, for the other mode.
    pub other_key: Option<String>,
    /// The account's own id.
    pub account: String,
    /// The version of the API in which objects are shown to those who ask for none.
    pub api_version: String,
    /// How failed deliveries are repeated.
    pub retries: Retries,
    /// Deliveries under way at once, for each endpoint. With one, and no chaos, events arrive in
    /// the order in which they happened.
    pub delivery_concurrency: usize,
    /// A slower answer than this counts as failed.
    pub delivery_timeout: Duration,
    /// Whether events are delivered as they happen. If not, they wait for
    /// [`deliver`](super::Simulator::deliver) or [`release`](super::Simulator::release).
    pub auto_deliver: bool,
    /// The second at which the clock starts, since 1970; none: now.
    pub start_at: Option<i64>,
}

/// When a delivery that failed is tried again.
///
/// Stripe goes on for three days with growing gaps (docs.stripe.com, "Webhooks", Retries); a test
/// wants the same within seconds.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// The gap before the second attempt; it doubles from there.
    pub first_gap: Duration,
    /// No gap is longer.
    pub max_gap: Duration,
    /// Attempts before a delivery is given up; none: until it is acknowledged.
    pub max_attempts: Option<u32>,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            first_gap: Duration::from_millis(100),
            max_gap: Duration::from_secs(2),
            max_attempts: None,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 0,
            secret_key: "sk_test_simulator".to_owned(),
            other_key: None,
            account: "acct_1Simulator000000".to_owned(),
            api_version: "2026-09-30.endive".to_owned(),
            retries: Retries::default(),
            delivery_concurrency: 16,
            delivery_timeout: Duration::from_secs(10),
            auto_deliver: true,
            start_at: None,
        }
    }
}

/// Whether a key opens the live mode.
pub(crate) fn is_live(key: &str) -> bool {
    key.starts_with("sk_live_") || key.starts_with("rk_live_")
}
