//! `[outbox]`

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::secret::Secret;

/// `[outbox]`: how what became true is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbox {
    /// How often to look for what another process wrote.
    #[serde(with = "humantime_serde")]
    pub poll_interval: Duration,
    /// How long one who sends may be silent before another sends too.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// Where a new destination begins.
    pub start: Start,
    /// Attempts before a notification is given up for a destination, the first one included.
    pub max_attempts: u32,
    /// How long what has been told is kept.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    /// The Redis Stream.
    pub stream: Stream,
    /// The URLs, by name.
    pub destinations: BTreeMap<String, Destination>,
}

/// Where a new destination begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With what becomes true from now on.
    Now,
    /// With the oldest row that is kept.
    Beginning,
}

/// `[outbox.stream]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// Whether it is written.
    pub enabled: bool,
    /// About how many entries it keeps; 0 for all.
    pub max_length: u64,
}

/// `[outbox.destinations.NAME]`: a URL that notifications are POSTed to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Where to; may hold a token, so it is a secret. Empty: there is no such destination.
    pub url: Secret,
    /// Signing secrets, `whsec_...`; each signs.
    pub secrets: Vec<Secret>,
    /// What it is told: topics and groups (`payment.*`); none for everything.
    pub topics: Vec<String>,
    /// How long an answer may take.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Requests at once from one worker.
    pub concurrency: usize,
    /// Whether the URL may be `http://`.
    pub allow_http: bool,
    /// Whether it may lead into a private network.
    pub allow_private: bool,
}
