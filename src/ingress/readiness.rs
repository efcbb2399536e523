//! Readiness: whether Redis would accept an event now, and keep it.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::outage::Outage;
use super::state::State;
use crate::domain::failure::Dependency;
use crate::http::health::{Down, Readiness};
use crate::queue::{Durability, Producer};

/// Time for which a result is reused: a public route must not cause a write for each request.
const FRESH: Duration = Duration::from_secs(1);

/// Interval of the probes that run without requests, so that problems are logged.
const WATCH: Duration = Duration::from_secs(15);

/// Probes Redis at most once a second, however many requests there are.
#[derive(Debug, Default)]
pub(super) struct Probe(Mutex<Known>);

/// Last known state of Redis.
#[derive(Debug, Default)]
struct Known {
    last: Option<(Instant, Result<Durability, String>)>,
    /// What was last logged about its settings.
    logged: Durability,
    /// When it was first seen with a policy that evicts keys.
    evicts_since: Option<SystemTime>,
}

impl Probe {
    /// Returns whether Redis is ready, or what is wrong. The lock is held during a probe, so that concurrent
    /// requests share its result.
    pub(super) async fn check(
        &self,
        producer: &Producer,
        limit: Duration,
        outage: &Outage,
    ) -> Readiness {
        let mut known = self.0.lock().await;
        let answer = match &known.last {
            Some((at, answer)) if at.elapsed() < FRESH => answer.clone(),
            Some(_) | None => {
                let answer = probe(producer, limit).await;
                match &answer {
                    Ok(durability) => {
                        outage.end();
                        known.log_changes(durability);
                    }
                    Err(error) => outage.begin(error),
                }
                known.last.insert((Instant::now(), answer)).1.clone()
            }
        };
        match answer {
            Ok(Durability { evicts: None, warnings }) => {
                Readiness { warnings, ..Readiness::ready() }
            }
            Ok(Durability { evicts: Some(error), warnings }) => {
                Readiness { warnings, ..down(known.evicts_since, error) }
            }
            Err(error) => down(outage.since(), error),
        }
    }
}

impl Known {
    /// Logs what has changed since the last call.
    fn log_changes(&mut self, found: &Durability) {
        if *found == self.logged {
            return;
        }
        if found.evicts != self.logged.evicts {
            match &found.evicts {
                Some(error) => {
                    self.evicts_since.get_or_insert_with(SystemTime::now);
                    tracing::error!(error, "not ready: a 200 would not mean that an event is kept");
                }
                None => {
                    self.evicts_since = None;
                    tracing::info!("redis no longer evicts keys");
                }
            }
        }
        for warning in found.warnings.iter().filter(|it| !self.logged.warnings.contains(it)) {
            tracing::warn!(warning, "redis may lose events");
        }
        self.logged = found.clone();
    }
}

fn down(since: Option<SystemTime>, error: String) -> Readiness {
    Readiness {
        down: vec![Down {
            dependency: Dependency::Redis.as_str().to_owned(),
            since: since.unwrap_or_else(SystemTime::now),
            error,
        }],
        ..Readiness::default()
    }
}

async fn probe(producer: &Producer, limit: Duration) -> Result<Durability, String> {
    let probe = async {
        // The settings first: they also show what sort of server it is.
        let durability = producer.durability().await?;
        producer.ready().await?;
        Ok(durability)
    };
    match timeout(limit, probe).await {
        Ok(answer) => answer.map_err(|error: crate::queue::QueueError| error.to_string()),
        Err(_) => Err(format!("no answer within {}", humantime::format_duration(limit))),
    }
}

/// Probes Redis every 15 seconds until `shutdown`, so that problems are logged even if nothing requests
/// `/readyz`.
pub async fn watch(state: std::sync::Arc<State>, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(state.readiness()).await.is_some() {
        if shutdown.run_until_cancelled(tokio::time::sleep(WATCH)).await.is_none() {
            return;
        }
    }
}
