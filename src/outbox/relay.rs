//! The relay of one process: a line for each destination, and the upkeep.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::channel::Destination;
use super::line::{Line, Rules};
use super::metrics::Metrics;
use crate::config;
use crate::domain::retry::Policy;
use crate::store::{Store, StoreError};

/// How often what is old is looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// Rows removed in one transaction.
const PRUNE_AT_ONCE: i64 = 1_000;

/// Tells what is in the outbox.
pub struct Relay {
    store: Store,
    destinations: Vec<Destination>,
    rules: Rules,
    retention: Duration,
    metrics: Metrics,
}

impl Relay {
    /// Puts it together; does nothing yet. `random` draws a number in `0.0..1.0`.
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
        Self { store, destinations, rules, retention, metrics }
    }

    /// The same, counting where it is seen.
    #[must_use]
    pub fn counting(self, metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Tells until `shutdown`, then waits for what is being sent. Outages only pause it.
    pub async fn run(self, shutdown: CancellationToken) {
        let names = self.destinations.iter().map(|destination| destination.name.clone()).collect();
        let mut lines = JoinSet::new();
        for destination in self.destinations {
            tracing::info!(destination = destination.name, "telling");
            let metrics = self.metrics.line(&destination.name);
            let line = Line::new(self.store.clone(), destination, self.rules.clone(), metrics);
            lines.spawn(Arc::new(line).run(shutdown.clone()));
        }
        let upkeep = Upkeep {
            store: self.store,
            names,
            retention: self.retention,
            poll_interval: self.rules.poll_interval,
        };
        lines.spawn(upkeep.run(shutdown));
        while let Some(ended) = lines.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a part of the relay died");
            }
        }
    }
}

struct Upkeep {
    store: Store,
    names: Vec<String>,
    retention: Duration,
    poll_interval: Duration,
}

impl Upkeep {
    async fn run(self, shutdown: CancellationToken) {
        let mut told = self.store.told();
        let mut cursor = String::new();
        let mut prune_at = Instant::now();
        let mut failing = false;
        while !shutdown.is_cancelled() {
            match self.round(&mut cursor, &mut prune_at).await {
                Ok(()) => failing = false,
                // The lines say that the outbox cannot be read; here it is said where there are none.
                Err(error) if self.names.is_empty() && !failing => {
                    failing = true;
                    tracing::warn!(%error, "cannot read the outbox; waiting");
                }
                Err(_) => failing = true,
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(self.poll_interval) => {}
                _ = told.changed() => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    async fn round(&self, cursor: &mut String, prune_at: &mut Instant) -> Result<(), StoreError> {
        *cursor = self.store.announce(cursor).await?;
        if *prune_at <= Instant::now() {
            while self.store.prune_outbox(&self.names, self.retention, PRUNE_AT_ONCE).await? > 0 {}
            *prune_at = Instant::now() + PRUNE_EVERY;
        }
        Ok(())
    }
}
