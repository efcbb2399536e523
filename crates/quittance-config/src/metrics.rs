//! `[metrics]`

use std::net::SocketAddr;

use serde::Deserialize;

use super::address;

/// `[metrics]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Where `/metrics` is served; none to serve nothing.
    #[serde(deserialize_with = "address::or_none")]
    pub listen: Option<SocketAddr>,
}
