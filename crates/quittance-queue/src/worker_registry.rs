//! Roster of the workers, as they last reported themselves.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a worker's entry is kept after its last heartbeat: long enough that an operator sees
/// that it is missing, short enough that a deployment does not fill the page.
pub(super) const KEEP: Duration = Duration::from_secs(40);

/// A worker's entry. Read tolerantly, like a job's meta data: during a deployment there are two
/// versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerEntry {
    /// Its name, as in the log.
    #[serde(default)]
    pub name: String,
    /// Its name in the consumer group, new with each start.
    #[serde(default)]
    pub id: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Its host.
    #[serde(default)]
    pub host: String,
    /// Its process id.
    #[serde(default)]
    pub pid: u32,
    /// When it started, in Unix milliseconds of its own clock.
    #[serde(default)]
    pub started_at_ms: i64,
    /// Jobs that it runs at once.
    #[serde(default)]
    pub concurrency: u64,
    /// Attempts that it allows at once now, where they time out fewer than jobs.
    #[serde(default)]
    pub limit: Option<u64>,
    /// Jobs that it runs now.
    #[serde(default)]
    pub running: u64,
    /// Those that have run longest.
    #[serde(default)]
    pub jobs: Vec<CurrentJob>,
    /// What it waits for.
    #[serde(default)]
    pub waits_for: Option<WaitsFor>,
    /// The lanes that it knows to be paused.
    #[serde(default)]
    pub paused: Vec<String>,
}

/// A job that a worker runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentJob {
    /// Its id within its lane.
    pub id: String,
    /// Its lane.
    pub lane: String,
    /// Its event, once it has been read.
    #[serde(default)]
    pub event: Option<String>,
    /// The event's type.
    #[serde(default)]
    pub event_type: Option<String>,
    /// The object that it is about.
    #[serde(default)]
    pub object: Option<String>,
    /// The attempt, from 1.
    #[serde(default)]
    pub attempt: u32,
    /// Since when, in Unix milliseconds of the worker's clock.
    #[serde(default)]
    pub since_ms: i64,
}

/// Reason why a worker begins no jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitsFor {
    /// `redis`, `postgres`, `stripe`.
    pub dependency: String,
    /// Whether the fault lies in our settings.
    #[serde(default)]
    pub misconfigured: bool,
    /// What it said.
    #[serde(default)]
    pub message: String,
    /// Since when, in Unix milliseconds.
    #[serde(default)]
    pub since_ms: i64,
}

/// A worker in the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it said of itself.
    pub card: WorkerEntry,
    /// How long ago, by Redis' clock.
    pub seen_ago: Duration,
}

impl Listed {
    /// Reads an entry of `roster.lua`. One that cannot be read is listed under its id alone.
    pub(super) fn decode(id: String, seen_ago_ms: u64, json: &str) -> Self {
        let card = serde_json::from_str(json).unwrap_or_else(|_| WorkerEntry {
            name: id.clone(),
            id,
            version: String::new(),
            host: String::new(),
            pid: 0,
            started_at_ms: 0,
            concurrency: 0,
            limit: None,
            running: 0,
            jobs: Vec::new(),
            waits_for: None,
            paused: Vec::new(),
        });
        Self { card, seen_ago: Duration::from_millis(seen_ago_ms) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_another_version_is_listed() {
        let listed = Listed::decode("w-1".into(), 5, r#"{"name":"w","colour":"red"}"#);
        assert_eq!((listed.card.name.as_str(), listed.card.running), ("w", 0));
        let listed = Listed::decode("w-1".into(), 5, "nonsense");
        assert_eq!(listed.card.name, "w-1");
    }
}
