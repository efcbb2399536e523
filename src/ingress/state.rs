//! State that all requests of an ingress share.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::body::BodyLimits;
use super::endpoint::Endpoint;
use super::memory::BodyMemory;
use super::metrics::{EndpointMetrics, Metrics};
use super::outage::Outage;
use super::readiness::Probe;
use crate::config;
use crate::http::LogThrottle;
use crate::http::health::Readiness;
use crate::queue::Producer;

/// A signing secret cannot be used as a key.
#[derive(Debug, thiserror::Error)]
#[error("a signing secret of endpoint `{endpoint}` cannot be used as a key")]
pub struct KeyError {
    endpoint: String,
    #[source]
    source: hmac::digest::InvalidLength,
}

/// State that all requests of an ingress share.
pub struct State {
    pub(super) producer: Producer,
    pub(super) outage: Outage,
    /// Verified events that may wait for Redis.
    pub(super) permits: Semaphore,
    pub(super) body_limits: BodyLimits,
    pub(super) memory: BodyMemory,
    /// Limits the log lines about refusals, which any client can cause.
    pub(super) refusals: LogThrottle,
    pub(super) enqueue_timeout: Duration,
    /// Endpoints with a secret: without one, nothing can be verified.
    endpoints: HashMap<String, Endpoint>,
    /// Counters of requests to endpoints that are not configured.
    pub(super) unknown_endpoints: EndpointMetrics,
    probe: Probe,
}

impl State {
    /// Creates the state. Opens no connection.
    ///
    /// # Errors
    /// A secret cannot be used as a key.
    pub fn new(
        ingress: &config::Ingress,
        endpoints: &config::Endpoints,
        producer: Producer,
        metrics: &Metrics,
    ) -> Result<Self, KeyError> {
        let endpoints = endpoints
            .iter()
            .filter(|(_, endpoint)| !endpoint.secrets.is_empty())
            .map(|(name, endpoint)| {
                Endpoint::new(name, endpoint, metrics)
                    .map(|ready| (name.clone(), ready))
                    .map_err(|source| KeyError { endpoint: name.clone(), source })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            producer,
            outage: Outage::default(),
            permits: Semaphore::new(ingress.max_in_flight.min(Semaphore::MAX_PERMITS)),
            body_limits: BodyLimits {
                bytes: ingress.max_body_bytes,
                timeout: ingress.read_timeout,
                stall: ingress.stall_timeout,
            },
            memory: BodyMemory::new(ingress.max_body_memory, metrics.body_bytes.clone()),
            refusals: LogThrottle::default(),
            enqueue_timeout: ingress.enqueue_timeout,
            endpoints,
            unknown_endpoints: metrics.endpoint("", 0),
            probe: Probe::default(),
        })
    }

    pub(super) fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.get(name)
    }

    pub(super) async fn readiness(&self) -> Readiness {
        self.probe.check(&self.producer, self.enqueue_timeout, &self.outage).await
    }
}
