//! Counters of the sweep.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::senders::Reason;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// Counters of the sweep in this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    listed: Counter,
    missed: Family<ReasonLabels, Counter>,
}

impl Metrics {
    /// Counters that are served from a registry.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "quittance_events_listed",
            "Events that the sweep has read in Stripe's lists; each is read twice or more",
            metrics.listed.clone(),
        );
        registry.register(
            "quittance_events_missed",
            "Events that Stripe listed and that were neither in the ledger nor in the queue, by the reason as far as it is known; the sweep put them on the queue",
            metrics.missed.clone(),
        );
        // Shown from the start: an increase of a counter that appears with its first one is not seen.
        for reason in Reason::ALL {
            drop(metrics.missed.get_or_create(&ReasonLabels { reason: reason.as_str() }));
        }
        metrics
    }

    pub(super) fn listed(&self, count: usize) {
        self.listed.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub(super) fn missed(&self, reason: Reason) {
        self.missed.get_or_create(&ReasonLabels { reason: reason.as_str() }).inc();
    }
}
