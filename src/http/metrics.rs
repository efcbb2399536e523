//! Metrics of a listener.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::connections::Shed;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ShedLabels {
    reason: &'static str,
}

/// Metrics of one listener. Those made by `Default` are not exported.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    open: Gauge,
    shed: Family<ShedLabels, Counter>,
}

impl Metrics {
    /// Registers the metrics of the webhook listener.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for reason in Shed::ALL {
            metrics.counter(reason);
        }
        registry.register(
            "quittance_connections_open",
            "Connections to the webhook listener that are open (at most ingress.max_connections)",
            metrics.open.clone(),
        );
        registry.register(
            "quittance_connections_shed",
            "Connections to the webhook listener that were closed to make room for others, or that sent no request in time",
            metrics.shed.clone(),
        );
        metrics
    }

    pub(super) fn open(&self, connections: usize) {
        self.open.set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    pub(super) fn shed(&self, reason: Shed) {
        self.counter(reason).inc();
    }

    fn counter(&self, reason: Shed) -> Counter {
        self.shed.get_or_create(&ShedLabels { reason: reason.as_str() }).clone()
    }
}
