//! Settings of Redis and the queue: `[redis]` and `[queue]`.

use std::time::Duration;

use serde::Deserialize;

use super::secret::Secret;

/// `[redis]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// `redis://` or `rediss://` (TLS); may hold a password, so it is a secret.
    pub url: Secret,
    /// How long a connection may take to open.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// How long a command may take.
    #[serde(with = "humantime_serde")]
    pub command_timeout: Duration,
}

/// `[queue]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// The name of the queue: the hash tag of all its keys, `{name}:...`.
    pub name: String,
    /// How long a worker may be without a heartbeat before another worker claims its jobs.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// Deliveries of one job to workers that died, after which it is dead-lettered as poison.
    pub max_deliveries: u32,
    /// Jobs that a worker prefetches beyond those that it runs.
    pub prefetch: usize,
    /// How often due retries are moved back to the queue, and dead workers' jobs are claimed.
    #[serde(with = "humantime_serde")]
    pub sweep_interval: Duration,
    /// Live webhooks among ten jobs while both lanes have jobs; 1 to 9.
    pub live_share: u8,
    /// Jobs of a backfill that a worker runs at once while there are live ones.
    pub backfill_at_once: usize,
}
