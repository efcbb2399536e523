//! Settings of the health status: `[status]`.

use std::time::Duration;

use serde::Deserialize;

/// `[status]`: thresholds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// Highest age of the oldest live job.
    #[serde(with = "humantime_serde")]
    pub max_lag: Duration,
    /// Highest age of the oldest undelivered notification.
    #[serde(with = "humantime_serde")]
    pub max_outbox_lag: Duration,
    /// Most open dead letters of the last hour.
    pub max_new_dead_letters: u32,
    /// How old a command may be that has not come to its end.
    #[serde(with = "humantime_serde")]
    pub max_command_age: Duration,
    /// How far our own account's "complete until" may be behind.
    #[serde(with = "humantime_serde")]
    pub max_incomplete: Duration,
}
