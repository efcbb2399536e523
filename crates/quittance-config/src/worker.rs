//! Settings of the worker and of retries: `[worker]` and `[retry]`.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::address;

/// `[worker]`: how jobs are run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Most jobs in flight.
    pub concurrency: usize,
    /// Longest time of one attempt.
    #[serde(with = "humantime_serde")]
    pub job_timeout: Duration,
    /// Longest time for running jobs to end after SIGTERM.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    /// Address of `/livez` and `/readyz`; `None` to serve neither.
    #[serde(deserialize_with = "address::or_none")]
    pub listen: Option<SocketAddr>,
    /// Consecutive failures of different events after which a dependency counts as down.
    pub down_after: u32,
    /// Longest interval between two probes of a dependency that is down.
    #[serde(with = "humantime_serde")]
    pub probe_interval: Duration,
}

/// `[retry]`: exponential, with full jitter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts before a job is dead-lettered, including the first one.
    pub max_attempts: u32,
    /// Longest delay after the first failure.
    #[serde(with = "humantime_serde")]
    pub first: Duration,
    /// Factor between consecutive delays.
    pub factor: f64,
    /// Longest delay of all.
    #[serde(with = "humantime_serde")]
    pub cap: Duration,
}
