//! Settings of the outbox and its destinations: `[outbox]`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::secret::Secret;

/// `[outbox]`: delivery of notifications.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbox {
    /// How often to poll for notifications of other processes.
    #[serde(with = "humantime_serde")]
    pub poll_interval: Duration,
    /// How long a relay may be without a heartbeat before another one sends its deliveries.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// Where a new destination starts.
    pub start: Start,
    /// Attempts before a delivery is dead-lettered, including the first one.
    pub max_attempts: u32,
    /// How long delivered notifications are kept.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    /// The Redis Stream.
    pub stream: Stream,
    /// The URLs, by name.
    pub destinations: BTreeMap<String, Destination>,
}

/// Where a new destination starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With the next notification.
    Now,
    /// With the oldest notification that is kept.
    Beginning,
}

/// `[outbox.stream]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// Whether notifications are written to it.
    pub enabled: bool,
    /// Approximate number of entries that it keeps; 0 for all.
    pub max_length: u64,
}

/// `[outbox.destinations.NAME]`: a URL that notifications are POSTed to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// The URL; it may contain a token, so it is a secret. Empty: the destination does not exist.
    pub url: Secret,
    /// Signing secrets, `whsec_...`; there is a signature of each.
    pub secrets: Vec<Secret>,
    /// Topics and groups of topics (`payment.*`) that it receives; none for all.
    pub topics: Vec<String>,
    /// Longest time of a request.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Most requests of one worker in flight.
    pub concurrency: usize,
    /// Whether the URL may be `http://`.
    pub allow_http: bool,
    /// Whether it may resolve to a private network.
    pub allow_private: bool,
}
