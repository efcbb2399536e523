//! `[ingress]` and `[endpoints.*]`

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
    /// Where it listens.
    #[serde(deserialize_with = "address::required")]
    pub listen: SocketAddr,
    /// Where it is reached from the internet, without the path of an endpoint; empty: not said.
    pub public_url: String,
    /// Largest body, in bytes. A larger one is answered 413.
    pub max_body_bytes: usize,
    /// Largest head (request line and headers), in bytes. A larger one is answered 431.
    pub max_head_bytes: usize,
    /// Bytes that all bodies together may take. For one more, the body that has been on its way for
    /// the longest time is given up.
    pub max_body_memory: usize,
    /// Connections at once. For one more, the one that has brought no event for the longest time is
    /// closed.
    pub max_connections: usize,
    /// The same of one peer address; 0 for no such limit.
    pub max_connections_per_address: usize,
    /// Verified events that may wait for Redis at once. One more is answered 503.
    pub max_in_flight: usize,
    /// How long Redis may take to acknowledge an event. Longer is answered 503.
    #[serde(with = "humantime_serde")]
    pub enqueue_timeout: Duration,
    /// How long a client may take to send its body.
    #[serde(with = "humantime_serde")]
    pub read_timeout: Duration,
    /// How long a body may make no progress.
    #[serde(with = "humantime_serde")]
    pub stall_timeout: Duration,
    /// How long a new connection may be without its first complete head.
    #[serde(with = "humantime_serde")]
    pub head_timeout: Duration,
    /// How long a connection may be without a complete head after its first request, between requests
    /// or within one.
    #[serde(with = "humantime_serde")]
    pub keep_alive: Duration,
    /// How long requests in flight may take to end after SIGTERM.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
}

/// `[endpoints]`, by name. `POST /webhooks/stripe` is the one named `default`.
pub type Endpoints = BTreeMap<String, Endpoint>;

/// `[endpoints.NAME]`: one webhook endpoint, as set up in Stripe's dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its signing secrets, `whsec_...`; several while one is being rolled.
    pub secrets: Vec<Secret>,
    /// The events that it takes; others are answered 200 and not queued.
    pub mode: ModeFilter,
    /// How old a signature may be.
    #[serde(with = "humantime_serde")]
    pub tolerance: Duration,
}

/// Which mode's events an endpoint takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModeFilter {
    /// Both.
    Any,
    /// Live events alone.
    Live,
    /// Test events alone.
    Test,
}
