//! `[status]`

use std::time::Duration;

use serde::Deserialize;

/// `[status]`: what counts as too much.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// How old the oldest live job may be.
    #[serde(with = "humantime_serde")]
    pub max_lag: Duration,
    /// How old the oldest notification that a destination has not been told may be.
    #[serde(with = "humantime_serde")]
    pub max_outbox_lag: Duration,
    /// How many open dead letters may have been given up within the last hour.
    pub max_new_dead_letters: u32,
    /// How old a command may be that has not come to its end.
    #[serde(with = "humantime_serde")]
    pub max_command_age: Duration,
}
