//! `[worker]` and `[retry]`

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::address;

/// `[worker]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Jobs run at once.
    pub concurrency: usize,
    /// How long one attempt may take.
    #[serde(with = "humantime_serde")]
    pub job_timeout: Duration,
    /// How long running jobs may take to end after SIGTERM.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    /// Where `/livez` and `/readyz` are served; none to serve nothing.
    #[serde(deserialize_with = "address::or_none")]
    pub listen: Option<SocketAddr>,
    /// Different events that fail at a dependency in a row after which it counts as down.
    pub down_after: u32,
    /// The longest gap between two looks at a dependency that is down.
    #[serde(with = "humantime_serde")]
    pub probe_interval: Duration,
}

/// `[retry]`: exponential, with full jitter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts before a job is dead-lettered, the first one included.
    pub max_attempts: u32,
    /// Longest delay after the first failure.
    #[serde(with = "humantime_serde")]
    pub first: Duration,
    /// What each further delay is multiplied by.
    pub factor: f64,
    /// Longest delay of all.
    #[serde(with = "humantime_serde")]
    pub cap: Duration,
}
