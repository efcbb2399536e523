//! Whether Redis would take an event now.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::outage::Outage;
use crate::domain::failure::Dependency;
use crate::http::health::{Down, Readiness};
use crate::queue::Producer;

/// How long an answer is good for: a route that anyone may call must not turn into writes at will.
const FRESH: Duration = Duration::from_secs(1);

/// Asks Redis, at most once a second however often it is asked itself.
#[derive(Debug, Default)]
pub(super) struct Probe(Mutex<Option<(Instant, Result<(), String>)>>);

impl Probe {
    /// Ready, or what Redis says. The lock is held while Redis is asked, so that those who come
    /// meanwhile share the answer.
    pub(super) async fn ask(
        &self,
        producer: &Producer,
        patience: Duration,
        outage: &Outage,
    ) -> Readiness {
        let mut last = self.0.lock().await;
        let answer = match &*last {
            Some((at, answer)) if at.elapsed() < FRESH => answer.clone(),
            Some(_) | None => {
                let answer = look(producer, patience).await;
                match &answer {
                    Ok(()) => outage.end(),
                    Err(error) => outage.begin(error),
                }
                last.insert((Instant::now(), answer)).1.clone()
            }
        };
        match answer {
            Ok(()) => Readiness::ready(),
            Err(error) => Readiness {
                down: vec![Down {
                    dependency: Dependency::Redis.as_str().to_owned(),
                    since: outage.since().unwrap_or_else(SystemTime::now),
                    error,
                }],
                ..Readiness::default()
            },
        }
    }
}

async fn look(producer: &Producer, patience: Duration) -> Result<(), String> {
    match timeout(patience, producer.ready()).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {}", humantime::format_duration(patience))),
    }
}
