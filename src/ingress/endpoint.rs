//! A webhook endpoint: its keys, mode and tolerance.

use std::time::Duration;

use super::metrics::{EndpointMetrics, Metrics};
use super::verify::{Key, Match, Rejection, Signature};
use crate::config::{self, ModeFilter};
use crate::domain::id::Mode;

pub(super) struct Endpoint {
    pub(super) name: String,
    pub(super) metrics: EndpointMetrics,
    keys: Vec<Key>,
    mode: ModeFilter,
    tolerance: Duration,
}

impl Endpoint {
    pub(super) fn new(
        name: &str,
        endpoint: &config::Endpoint,
        metrics: &Metrics,
    ) -> Result<Self, hmac::digest::InvalidLength> {
        Ok(Self {
            name: name.to_owned(),
            metrics: metrics.endpoint(name, endpoint.secrets.len()),
            keys: endpoint.secrets.iter().map(Key::new).collect::<Result<_, _>>()?,
            mode: endpoint.mode,
            tolerance: endpoint.tolerance,
        })
    }

    /// Parses a signature header; `now` is in seconds since 1970.
    pub(super) fn parse<'a>(&self, header: &'a str, now: i64) -> Result<Signature<'a>, Rejection> {
        Signature::parse(header, self.tolerance, now)
    }

    pub(super) fn verify(&self, signature: Signature<'_>, body: &[u8]) -> Result<Match, Rejection> {
        signature.verify(body, &self.keys)
    }

    /// Whether the endpoint accepts events of this mode.
    pub(super) fn accepts(&self, mode: Mode) -> bool {
        match (self.mode, mode) {
            (ModeFilter::Any, _)
            | (ModeFilter::Live, Mode::Live)
            | (ModeFilter::Test, Mode::Test) => true,
            (ModeFilter::Live, Mode::Test) | (ModeFilter::Test, Mode::Live) => false,
        }
    }
}
