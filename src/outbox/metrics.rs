//! Metrics of the relay: attempts, lag and backlog by destination.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::store::gauges::Gauges;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabels {
    destination: String,
    result: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DestinationLabels {
    destination: String,
}

/// The counters of the relay. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    sent: Family<ResultLabels, Counter>,
    oldest: Family<DestinationLabels, Gauge>,
    pending: Family<DestinationLabels, Gauge>,
    dead: Family<DestinationLabels, Gauge>,
    /// Without labels; a family, so that it can be missing.
    held: Family<Vec<(String, String)>, Gauge>,
}

/// Metrics that are counted and not exported.
impl Default for Metrics {
    fn default() -> Self {
        Self::new(&mut Registry::default())
    }
}

impl Metrics {
    /// Registers the metrics.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            sent: Family::default(),
            oldest: Family::default(),
            pending: Family::default(),
            dead: Family::default(),
            held: Family::default(),
        };
        registry.register(
            "quittance_notifications",
            "Attempts to deliver a notification to a destination: delivered, failed (it is retried), or dead (dead-lettered)",
            metrics.sent.clone(),
        );
        registry.register(
            "quittance_outbox_oldest_seconds",
            "Age of the oldest notification that is not delivered to a destination; 0 when there is none. The same from every worker, so take the max",
            metrics.oldest.clone(),
        );
        registry.register(
            "quittance_outbox_pending",
            "Notifications that are queued for a destination and not delivered yet",
            metrics.pending.clone(),
        );
        registry.register(
            "quittance_outbox_dead",
            "Notifications that are dead-lettered for a destination and wait for `quittance outbox retry`",
            metrics.dead.clone(),
        );
        registry.register(
            "quittance_outbox_held_back_seconds",
            "For how long the oldest transaction has been running that holds the outbox back: what was written after it is neither read nor delivered; 0 when there is none. The same from every worker, so take the max",
            metrics.held.clone(),
        );
        metrics
    }

    /// Sets the gauges to what was read from Postgres; removes them if it could not be read.
    pub fn show(&self, seen: Option<&Gauges>) {
        let all = [&self.oldest, &self.pending, &self.dead];
        // A destination that was removed must not stay in the export.
        all.iter().for_each(|family| family.clear());
        self.held.clear();
        let Some(seen) = seen else { return };
        self.held.get_or_create(&Vec::new()).set(seen.outbox_held_seconds);
        for destination in &seen.destinations {
            let numbers = [destination.oldest_seconds, destination.pending, destination.dead];
            for (family, number) in all.iter().zip(numbers) {
                let labels = DestinationLabels { destination: destination.name.clone() };
                family.get_or_create(&labels).set(number);
            }
        }
    }

    /// Counters of one destination, exported from the start.
    pub(super) fn dispatcher(&self, destination: &str) -> DispatcherMetrics {
        let counter = |result| {
            let destination = destination.to_owned();
            self.sent.get_or_create(&ResultLabels { destination, result }).clone()
        };
        DispatcherMetrics {
            delivered: counter("delivered"),
            failed: counter("failed"),
            dead: counter("dead"),
        }
    }
}

/// Counters of one destination.
pub(super) struct DispatcherMetrics {
    delivered: Counter,
    failed: Counter,
    dead: Counter,
}

impl DispatcherMetrics {
    pub(super) fn delivered(&self, count: usize) {
        add(&self.delivered, count);
    }

    pub(super) fn failed(&self, count: usize) {
        add(&self.failed, count);
    }

    pub(super) fn dead_lettered(&self, count: usize) {
        add(&self.dead, count);
    }
}

fn add(counter: &Counter, count: usize) {
    counter.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
}
