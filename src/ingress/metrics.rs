//! Metrics of the ingress.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::answer::Answer;

/// Upper bounds of the histogram in seconds. A healthy response takes about a millisecond; the longest is
/// bounded by the timeouts of the body and of Redis.
const DURATIONS: [f64; 12] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabels {
    /// The name of a configured endpoint; empty for all other names, which clients choose.
    endpoint: String,
    result: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SecretLabels {
    endpoint: String,
    index: u64,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EventLabels {
    endpoint: String,
    /// A type of the event catalog, or [`OTHER`].
    event_type: &'static str,
}

/// The label of types that are not in the event catalog.
const OTHER: &str = "other";

/// Metrics of the ingress.
#[derive(Debug, Clone)]
pub struct Metrics {
    webhooks: Family<ResultLabels, Counter>,
    secrets: Family<SecretLabels, Counter>,
    events: Family<EventLabels, Counter>,
    duration: Histogram,
    /// Bytes that bodies use.
    pub(super) body_bytes: Gauge,
}

impl Metrics {
    /// Registers the metrics.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            webhooks: Family::default(),
            secrets: Family::default(),
            events: Family::default(),
            duration: Histogram::new(DURATIONS),
            body_bytes: Gauge::default(),
        };
        registry.register(
            "quittance_webhooks",
            "Requests to the webhook routes, by result",
            metrics.webhooks.clone(),
        );
        registry.register(
            "quittance_webhook_secret_matched",
            "Verified events, by the endpoint's secret that signed them: a secret whose count no longer grows can be removed",
            metrics.secrets.clone(),
        );
        registry.register(
            "quittance_events_received",
            "Events that were verified and queued, by type; types that are newer than this program are `other`",
            metrics.events.clone(),
        );
        registry.register(
            "quittance_webhook_duration_seconds",
            "Time from the head of a request to its answer",
            metrics.duration.clone(),
        );
        registry.register(
            "quittance_webhook_body_bytes",
            "Memory used by webhook bodies (at most ingress.max_body_memory)",
            metrics.body_bytes.clone(),
        );
        metrics
    }

    /// Counters of one endpoint, exported from the start.
    pub(super) fn endpoint(&self, name: &str, secrets: usize) -> EndpointMetrics {
        let counter = |answer: Answer| {
            let labels = ResultLabels { endpoint: name.to_owned(), result: answer.as_str() };
            (answer, self.webhooks.get_or_create(&labels).clone())
        };
        let secret = |index| {
            let labels = SecretLabels { endpoint: name.to_owned(), index };
            self.secrets.get_or_create(&labels).clone()
        };
        EndpointMetrics {
            answers: Answer::ALL.map(counter),
            secrets: (0..secrets as u64).map(secret).collect(),
            name: name.to_owned(),
            events: self.events.clone(),
            duration: self.duration.clone(),
        }
    }
}

/// Counters of one endpoint.
pub(super) struct EndpointMetrics {
    name: String,
    events: Family<EventLabels, Counter>,
    answers: [(Answer, Counter); Answer::ALL.len()],
    secrets: Vec<Counter>,
    duration: Histogram,
}

impl EndpointMetrics {
    pub(super) fn answered(&self, answer: Answer, seconds: f64) {
        if let Some((_, counter)) = self.answers.iter().find(|(known, _)| *known == answer) {
            counter.inc();
        }
        self.duration.observe(seconds);
    }

    pub(super) fn queued(&self, event_type: Option<&'static str>) {
        let (endpoint, event_type) = (self.name.clone(), event_type.unwrap_or(OTHER));
        self.events.get_or_create(&EventLabels { endpoint, event_type }).inc();
    }

    pub(super) fn matched(&self, index: usize) {
        if let Some(counter) = self.secrets.get(index) {
            counter.inc();
        }
    }
}
