//! The counters of the reconciler.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::domain::object::Kind;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SavedLabels {
    by: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

/// The counters of the reconciler. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    covered: Counter,
    shared: Counter,
    by_snapshot: Counter,
    conflicts: Counter,
    anomalies: Family<KindLabels, Counter>,
    behind: Family<KindLabels, Counter>,
}

/// Counters that no page shows.
impl Default for Metrics {
    fn default() -> Self {
        Self::new(&mut Registry::default())
    }
}

impl Metrics {
    /// Makes them known to a registry.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let saved: Family<SavedLabels, Counter> = Family::default();
        let counter = |by| saved.get_or_create(&SavedLabels { by }).clone();
        let metrics = Self {
            covered: counter("covered"),
            shared: counter("shared"),
            by_snapshot: counter("snapshot"),
            conflicts: Counter::default(),
            anomalies: Family::default(),
            behind: Family::default(),
        };
        for kind in Kind::ALL {
            drop(metrics.anomalies.get_or_create(&KindLabels { kind: kind.as_str() }));
            drop(metrics.behind.get_or_create(&KindLabels { kind: kind.as_str() }));
        }
        registry.register(
            "quittance_stripe_requests_saved",
            "Requests that were not needed: the row was newer than the event (covered), one answer served several (shared), or the event itself said enough (snapshot)",
            saved,
        );
        registry.register(
            "quittance_row_conflicts",
            "Writes refused because another worker had written the row first; each costs one more round",
            metrics.conflicts.clone(),
        );
        registry.register(
            "quittance_anomalies",
            "Changes of status that our state machine does not allow; they were applied",
            metrics.anomalies.clone(),
        );
        registry.register(
            "quittance_answers_behind_event",
            "Stripe's answers that were applied although they stayed older than the event until reconcile.read_lag had passed",
            metrics.behind.clone(),
        );
        metrics
    }

    pub(super) fn covered(&self, events: u64) {
        self.covered.inc_by(events);
    }

    pub(super) fn shared(&self, others: u64) {
        self.shared.inc_by(others);
    }

    pub(super) fn by_snapshot(&self, events: u64) {
        self.by_snapshot.inc_by(events);
    }

    pub(super) fn conflict(&self) {
        self.conflicts.inc();
    }

    pub(super) fn behind(&self, kind: Kind) {
        self.behind.get_or_create(&KindLabels { kind: kind.as_str() }).inc();
    }

    pub(super) fn anomaly(&self, kind: Kind) {
        self.anomalies.get_or_create(&KindLabels { kind: kind.as_str() }).inc();
    }
}
