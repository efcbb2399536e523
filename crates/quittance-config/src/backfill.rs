//! Settings of backfills: `[backfill]`.

use std::time::Duration;

use serde::Deserialize;

/// `[backfill]`: how existing objects are read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backfill {
    /// The part of the rates of `[stripe]` that backfills may use.
    pub share: f64,
    /// How long after its creation an object may first be listed.
    #[serde(with = "humantime_serde")]
    pub late_listing: Duration,
}
