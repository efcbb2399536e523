//! Settings of the database: `[database]`.

use std::time::Duration;

use serde::Deserialize;

use super::secret::Secret;

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `postgres://user:password@host:port/database`
    pub url: Secret,
    /// Most connections of one process.
    pub max_connections: u32,
    /// Longest wait for a connection.
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
    /// Longest time of one statement.
    #[serde(with = "humantime_serde")]
    pub statement_timeout: Duration,
}
