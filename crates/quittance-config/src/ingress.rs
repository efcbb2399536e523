//! Settings of the ingress and its webhook endpoints: `[ingress]` and `[endpoints.*]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::address;
use super::secret::Secret;

/// `[ingress]`: the webhook listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingress {
    /// Address to listen on.
    #[serde(deserialize_with = "address::required")]
    pub listen: SocketAddr,
    /// Public URL, without the path of an endpoint; empty: unknown.
    pub public_url: String,
    /// Largest body, in bytes. A larger one is answered 413.
    pub max_body_bytes: usize,
    /// Largest head (request line and headers), in bytes. A larger one is answered 431.
    pub max_head_bytes: usize,
    /// Most bytes of all bodies together. For more, the body that has been arriving for the longest time is
    /// evicted.
    pub max_body_memory: usize,
    /// Most open connections. For one more, the one without an event for the longest time is closed.
    pub max_connections: usize,
    /// Most open connections of one peer address; 0 for no such limit.
    pub max_connections_per_address: usize,
    /// Most verified events that wait for Redis. One more is answered 503.
    pub max_in_flight: usize,
    /// Longest time for Redis to acknowledge an event. After that, the answer is 503.
    #[serde(with = "humantime_serde")]
    pub enqueue_timeout: Duration,
    /// Longest time for a body.
    #[serde(with = "humantime_serde")]
    pub read_timeout: Duration,
    /// Longest time of a body without progress.
    #[serde(with = "humantime_serde")]
    pub stall_timeout: Duration,
    /// Longest time from accepting a connection to its first complete head.
    #[serde(with = "humantime_serde")]
    pub head_timeout: Duration,
    /// Longest time until the next complete head after the first request.
    #[serde(with = "humantime_serde")]
    pub keep_alive: Duration,
    /// Longest time for requests in flight to end after SIGTERM.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
}

/// `[endpoints]`, by name. `POST /webhooks/stripe` belongs to `default`.
pub type Endpoints = BTreeMap<String, Endpoint>;

/// `[endpoints.NAME]`: one webhook endpoint, as set up in Stripe's dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its signing secrets, `whsec_...`; several while one is being rolled.
    pub secrets: Vec<Secret>,
    /// The mode of the events that it accepts; others are answered 200 and not queued.
    pub mode: ModeFilter,
    /// Highest age of a signature.
    #[serde(with = "humantime_serde")]
    pub tolerance: Duration,
}

/// Mode of the events that an endpoint accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModeFilter {
    /// Live and test events.
    Any,
    /// Live events only.
    Live,
    /// Test events only.
    Test,
}
