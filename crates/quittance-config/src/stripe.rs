//! Settings of the connection to Stripe's API: `[stripe]`.

use std::time::Duration;

use serde::Deserialize;

use super::secret::Secret;

/// `[stripe]`: the connection to Stripe's API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stripe {
    /// `sk_...` or `rk_...`; a restricted key with read access is enough.
    pub secret_key: Secret,
    /// The key that commands are sent with, `sk_...` or `rk_...`; empty: `secret_key`.
    pub write_key: Secret,
    /// The account that the key must belong to; empty: any.
    pub account: String,
    /// Base URL of the API.
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
    /// Writes a second for each endpoint of the API, over all processes.
    pub write_endpoint_rate: u32,
    /// Writes a second over all endpoints and processes.
    pub write_account_rate: u32,
}

impl Stripe {
    /// These settings with the key and the rates for writes.
    #[must_use]
    pub fn for_writing(&self) -> Self {
        let key = if self.write_key.is_empty() { &self.secret_key } else { &self.write_key };
        Self {
            secret_key: key.clone(),
            endpoint_rate: self.write_endpoint_rate,
            account_rate: self.write_account_rate,
            ..self.clone()
        }
    }
}
