//! Whether Redis would take an event now, and keep it.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::outage::Outage;
use super::state::State;
use crate::domain::failure::Dependency;
use crate::http::health::{Down, Readiness};
use crate::queue::{Durability, Producer};

/// How long an answer is good for: a route that anyone may call must not turn into writes at will.
const FRESH: Duration = Duration::from_secs(1);

/// Between two looks where nobody asks: what is wrong is in the log all the same.
const WATCH: Duration = Duration::from_secs(15);

/// Asks Redis, at most once a second however often it is asked itself.
#[derive(Debug, Default)]
pub(super) struct Probe(Mutex<Known>);

/// What is known of Redis.
#[derive(Debug, Default)]
struct Known {
    last: Option<(Instant, Result<Durability, String>)>,
    /// What was last said of its settings.
    said: Durability,
    /// Since when it evicts.
    evicts_since: Option<SystemTime>,
}

impl Probe {
    /// Ready, or what is wrong. The lock is held while Redis is asked, so that those who come meanwhile
    /// share the answer.
    pub(super) async fn ask(
        &self,
        producer: &Producer,
        patience: Duration,
        outage: &Outage,
    ) -> Readiness {
        let mut known = self.0.lock().await;
        let answer = match &known.last {
            Some((at, answer)) if at.elapsed() < FRESH => answer.clone(),
            Some(_) | None => {
                let answer = look(producer, patience).await;
                match &answer {
                    Ok(durability) => {
                        outage.end();
                        known.heard(durability);
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
    /// Logs what is new, once.
    fn heard(&mut self, found: &Durability) {
        if *found == self.said {
            return;
        }
        if found.evicts != self.said.evicts {
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
        for warning in found.warnings.iter().filter(|it| !self.said.warnings.contains(it)) {
            tracing::warn!(warning, "redis may lose events");
        }
        self.said = found.clone();
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

async fn look(producer: &Producer, patience: Duration) -> Result<Durability, String> {
    let asking = async {
        // The settings first: they also say what sort of server it is.
        let durability = producer.durability().await?;
        producer.ready().await?;
        Ok(durability)
    };
    match timeout(patience, asking).await {
        Ok(answer) => answer.map_err(|error: crate::queue::QueueError| error.to_string()),
        Err(_) => Err(format!("no answer within {}", humantime::format_duration(patience))),
    }
}

/// Looks at Redis now and then until `shutdown`, so that what is wrong is logged also where nobody asks
/// for `/readyz`.
pub async fn watch(state: std::sync::Arc<State>, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(state.readiness()).await.is_some() {
        if shutdown.run_until_cancelled(tokio::time::sleep(WATCH)).await.is_none() {
            return;
        }
    }
}
