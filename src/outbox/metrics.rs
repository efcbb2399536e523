//! What the relay counts, and how far it is behind. The labels are the destinations of the settings.

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

/// Counted, and shown to nobody.
impl Default for Metrics {
    fn default() -> Self {
        Self::new(&mut Registry::default())
    }
}

impl Metrics {
    /// Makes them known to a registry.
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

    /// Shows what was seen; nothing at all when nothing could be seen.
    pub fn show(&self, seen: Option<&Gauges>) {
        let all = [&self.oldest, &self.pending, &self.dead];
        // A destination that was removed is not shown any more.
        all.iter().for_each(|family| family.clear());
        self.held.clear();
        let Some(seen) = seen else { return };
        self.held.get_or_create(&Vec::new()).set(seen.outbox_held_seconds);
        for pulse in &seen.destinations {
            let numbers = [pulse.oldest_seconds, pulse.pending, pulse.dead];
            for (family, number) in all.iter().zip(numbers) {
                let labels = DestinationLabels { destination: pulse.name.clone() };
                family.get_or_create(&labels).set(number);
            }
        }
    }

    /// The counters of one destination, shown from the start.
    pub(super) fn line(&self, destination: &str) -> DispatcherMetrics {
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

/// The counters of one destination.
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

    pub(super) fn gave_up(&self, count: usize) {
        add(&self.dead, count);
    }
}

fn add(counter: &Counter, count: usize) {
    counter.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
}
