//! Lanes that an operator has paused: kept in Redis, read by every worker.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::error::QueueError;
use super::group_client::GroupClient;
use super::job::Lane;
use super::receive::Receiver;

/// Interval of a worker's check for paused lanes.
const LOOK: Duration = Duration::from_millis(500);

/// A lane is paused: no job of it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Which lane.
    pub lane: Lane,
    /// Who paused it.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// Since when, in Unix milliseconds of Redis' clock.
    pub since_ms: i64,
}

/// As it stands in Redis: `pause.lua` writes it.
#[derive(Deserialize)]
struct Wire {
    by: String,
    #[serde(default)]
    reason: Option<String>,
    since_ms: i64,
}

impl Pause {
    /// Reads a field of the hash. One that cannot be read pauses its lane all the same:
    /// that is what its author wanted.
    pub(super) fn decode(lane: Lane, json: &str) -> Self {
        match serde_json::from_str(json) {
            Ok(Wire { by, reason, since_ms }) => Self { lane, by, reason, since_ms },
            Err(_) => Self { lane, by: "unknown".to_owned(), reason: None, since_ms: 0 },
        }
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} lane is paused by {}", self.lane, self.by)?;
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

/// Pauses, lane by lane.
pub(super) type Paused = [Option<Pause>; 2];

/// Pauses, as a worker knows them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pauses(watch::Receiver<Paused>);

impl Pauses {
    pub(super) fn new() -> (watch::Sender<Paused>, Self) {
        let (sender, receiver) = watch::channel(Paused::default());
        (sender, Self(receiver))
    }

    /// The pauses that there are.
    #[must_use]
    pub fn all(&self) -> Vec<Pause> {
        self.0.borrow().iter().flatten().cloned().collect()
    }

    /// Whether a lane is paused.
    #[must_use]
    pub fn is_paused(&self, lane: Lane) -> bool {
        self.0.borrow()[lane.index()].is_some()
    }

    /// Waits until a lane is paused.
    pub async fn paused(&self, lane: Lane) {
        self.until(|all| all[lane.index()].is_some()).await;
    }

    /// Waits until a lane is not paused.
    pub(super) async fn resumed(&self, lane: Lane) {
        self.until(|all| all[lane.index()].is_none()).await;
    }

    async fn until(&self, holds: impl Fn(&Paused) -> bool) {
        if self.0.clone().wait_for(holds).await.is_err() {
            // Its consumer is gone, so nothing will change any more.
            std::future::pending::<()>().await;
        }
    }
}

/// Background task that reads which lanes are paused, and returns their prefetched jobs.
pub(super) struct Watcher {
    pub(super) member: GroupClient,
    pub(super) receiver: Receiver,
    pub(super) known: watch::Sender<Paused>,
}

impl Watcher {
    /// Runs until `stop`. While Redis is down, what was last known holds.
    pub(super) async fn run(&self, stop: &CancellationToken) {
        while stop.run_until_cancelled(sleep(LOOK)).await.is_some() {
            match self.member.paused().await {
                Ok(paused) => self.learn(paused),
                Err(error) => {
                    tracing::debug!(error = error.chain(), "the pauses could not be read");
                    stop.run_until_cancelled(self.member.link.pause()).await;
                }
            }
        }
    }

    fn learn(&self, paused: Paused) {
        let before = self.known.borrow().clone();
        if before != paused {
            self.known.send_replace(paused.clone());
        }
        for lane in Lane::ALL {
            let (was, is) = (&before[lane.index()], &paused[lane.index()]);
            log_change(lane, was.as_ref(), is.as_ref());
            // Also where nothing has changed: an earlier run may have panicked right before this.
            self.receiver.set_paused(lane, is.is_some());
        }
    }
}

/// Logs a change.
pub(super) fn log_change(lane: Lane, was: Option<&Pause>, is: Option<&Pause>) {
    match (was, is) {
        (None, Some(pause)) => tracing::warn!(
            %lane, by = pause.by, reason = pause.reason, since_ms = pause.since_ms,
            "the lane is paused: no job of it begins until `quittance queue resume`"
        ),
        (Some(_), None) => tracing::info!(%lane, "the lane is resumed"),
        (Some(_), Some(_)) | (None, None) => {}
    }
}

/// Reads the hash of pauses: lane, JSON, lane, JSON.
pub(super) fn decode(fields: Vec<(String, String)>) -> Paused {
    let mut paused = Paused::default();
    for (name, json) in fields {
        // A lane that only a newer version knows is no lane of ours.
        if let Some(lane) = Lane::parse(&name) {
            paused[lane.index()] = Some(Pause::decode(lane, &json));
        }
    }
    paused
}

impl GroupClient {
    /// The lanes that are paused.
    pub(super) async fn paused(&self) -> Result<Paused, QueueError> {
        let key = self.keys.paused();
        let fields: Vec<(String, String)> = self
            .link
            .call(|mut redis| async move {
                redis::cmd("HGETALL").arg(key).query_async(&mut redis).await
            })
            .await?;
        Ok(decode(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_that_cannot_be_read_is_a_pause() {
        let fields = vec![("live".to_owned(), "nonsense".to_owned())];
        let [live, backfill] = decode(fields);
        assert_eq!(live.expect("it is paused").by, "unknown");
        assert_eq!(backfill, None);
        let fields = vec![("a lane of tomorrow".to_owned(), "{}".to_owned())];
        assert_eq!(decode(fields), Paused::default());
    }

    #[tokio::test]
    async fn a_waiter_learns_of_a_pause_and_of_its_end() {
        let (known, pauses) = Pauses::new();
        let json = r#"{"by":"jane","reason":"a look","since_ms":5}"#;
        known.send_replace(decode(vec![("backfill".into(), json.into())]));
        pauses.paused(Lane::Backfill).await;
        pauses.resumed(Lane::Live).await;
        assert!(!pauses.is_paused(Lane::Live));
        assert_eq!(pauses.all()[0].to_string(), "the backfill lane is paused by jane: a look");
        known.send_replace(Paused::default());
        pauses.resumed(Lane::Backfill).await;
        assert_eq!(pauses.all(), []);
    }
}
