//! The relay of one process: one dispatcher for each destination, and the maintenance.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::channel::Destination;
use super::dispatcher::{Dispatcher, Rules};
use super::metrics::Metrics;
use super::upkeep;
use crate::config;
use crate::domain::retry::Policy;
use crate::store::Store;
use crate::supervise::Supervisor;

/// Delivers what is in the outbox.
pub struct Relay {
    store: Store,
    destinations: Vec<Destination>,
    rules: Rules,
    retention: Duration,
    metrics: Metrics,
    supervisor: Supervisor,
}

impl Relay {
    /// Creates a relay that does nothing yet. `store` has connections of the relay's own
    /// ([`Store::for_relay`]). `random` draws a number in `0.0..1.0`.
    #[must_use]
    pub fn new(
        store: Store,
        destinations: Vec<Destination>,
        outbox: &config::Outbox,
        retry: &config::Retry,
        random: fn() -> f64,
    ) -> Self {
        let policy = Policy {
            max_attempts: outbox.max_attempts,
            first: retry.first,
            factor: retry.factor,
            cap: retry.cap,
        };
        let rules = Rules {
            policy,
            lease: outbox.lease,
            poll_interval: outbox.poll_interval,
            start: outbox.start,
            random,
        };
        let (retention, metrics) = (outbox.retention, Metrics::default());
        let supervisor = Supervisor::default();
        Self { store, destinations, rules, retention, metrics, supervisor }
    }

    /// Counts in `metrics`, which are exported.
    #[must_use]
    pub fn counting(self, metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// The same, its tasks counted with the others of the process.
    #[must_use]
    pub fn supervised_by(self, supervisor: &Supervisor) -> Self {
        Self { supervisor: supervisor.clone(), ..self }
    }

    /// Delivers until `shutdown`, then waits for what is in flight. Outages only pause it.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { store, destinations, rules, retention, metrics, supervisor } = self;
        let mut parts = JoinSet::new();
        for destination in destinations {
            tracing::info!(destination = destination.name, "delivering");
            let (store, rules, metrics) = (store.clone(), rules.clone(), metrics.clone());
            let (supervisor, shutdown) = (supervisor.clone(), shutdown.clone());
            parts.spawn(async move {
                let name = format!("outbox {}", destination.name);
                // If the dispatcher panics, its claims expire and are sent again.
                let run = || {
                    let metrics = metrics.dispatcher(&destination.name);
                    Dispatcher::new(store.clone(), destination.clone(), rules.clone(), metrics)
                        .run(shutdown.clone())
                };
                supervisor.keep(&name, &shutdown, run).await;
            });
        }
        let announced = (store.clone(), supervisor.clone(), shutdown.clone());
        parts.spawn(async move {
            let (store, supervisor, shutdown) = announced;
            let run = || upkeep::announce(store.clone(), rules.poll_interval, shutdown.clone());
            supervisor.keep("outbox announcement", &shutdown, run).await;
        });
        parts.spawn(async move {
            let run = || upkeep::prune(store.clone(), retention, shutdown.clone());
            supervisor.keep("outbox pruning", &shutdown, run).await;
        });
        while parts.join_next().await.is_some() {}
    }
}
