//! `[stripe]`

use std::time::Duration;

use serde::Deserialize;

use super::secret::Secret;

/// `[stripe]`: the connection to Stripe's API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stripe {
    /// `sk_...` or `rk_...`; a restricted key with read access is enough.
    pub secret_key: Secret,
    /// The account that the key is meant to belong to; empty: any.
    pub account: String,
    /// Where the API is.
    pub api_base: String,
    /// How long one request may take, connecting included.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Idle connections kept open.
    pub pool_idle: usize,
    /// Reads a second for each endpoint of the API, over all workers.
    pub endpoint_rate: u32,
    /// Reads a second over all endpoints and workers.
    pub account_rate: u32,
}
