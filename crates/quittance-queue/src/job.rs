//! A job and its wire format.
//!
//! A stream entry has two fields: `m`, a small JSON object about the job, and `b`, the event's bytes
//! exactly as they were received. The JSON is versioned and read tolerantly, because during a
//! deployment an old worker reads what a new ingress wrote, and the other way round.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A lane of the queue. Neither starves the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Webhooks as they arrive.
    Live,
    /// Events that were listed, replayed or imported.
    Backfill,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Live, Self::Backfill];

    /// `live`, `backfill`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Backfill => "backfill",
        }
    }

    /// From its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == text)
    }

    /// Its place in arrays of one element a lane.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Live => 0,
            Self::Backfill => 1,
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Origin of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum JobSource {
    /// Ops, from a dead letter.
    Retry,
    /// Ops, from Stripe's list of events or from the ledger.
    Replay,
    /// The sweep: Stripe lists the event, and it was neither in the ledger nor in the queue.
    Sweep,
    /// Stripe. Also what a source counts as that only a newer version knows.
    #[default]
    #[serde(other)]
    Webhook,
}

impl JobSource {
    /// `retry`, `replay`, `sweep`, `webhook`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Replay => "replay",
            Self::Sweep => "sweep",
            Self::Webhook => "webhook",
        }
    }
}

/// Metadata of a job, besides its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMeta {
    /// The endpoint that received it.
    #[serde(default)]
    pub endpoint: String,
    /// When it was received, in Unix milliseconds.
    #[serde(default)]
    pub received_at_ms: i64,
    /// Which of the endpoint's secrets signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_index: Option<u32>,
    /// Failed attempts so far; 0 for a new job.
    #[serde(default)]
    pub attempt: u32,
    /// What put it on the queue.
    #[serde(default)]
    pub source: JobSource,
    /// The id of its event, so that what waits can be compared with a list of Stripe's without reading each
    /// body; none where who enqueued it could not read one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The W3C `traceparent` of the request that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Of a retry: what it is a retry of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RetryOf>,
}

/// The dead letter behind a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryOf {
    /// The dead letter's number.
    pub dead_letter: i64,
    /// Which retry of it this is, from 1.
    pub retry: i32,
}

/// The version that is written. A reader takes any: fields are only ever added.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    #[serde(flatten)]
    meta: &'a JobMeta,
}

impl JobMeta {
    /// The field `m`.
    pub(super) fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Written { v: VERSION, meta: self })
    }

    /// Reads the field `m`. One that cannot be read does not lose the job: what matters is its
    /// event, and the time of its receipt is in its id.
    pub(super) fn decode(json: &[u8], id: &JobId) -> Self {
        serde_json::from_slice(json).unwrap_or_else(|error| {
            tracing::warn!(job = %id, %error, "a job's meta data cannot be read; working it without");
            Self {
                endpoint: String::new(),
                received_at_ms: id.millis(),
                secret_index: None,
                attempt: 0,
                source: JobSource::Webhook,
                event: None,
                trace: None,
                retry_of: None,
            }
        })
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What is known of it.
    pub meta: JobMeta,
    /// The event's bytes exactly as received.
    pub body: Bytes,
}

/// The id of a job within its lane: the id of its stream entry, `<unix ms>-<sequence>`. A retry has
/// a new one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(String);

impl JobId {
    pub(super) fn new(id: String) -> Self {
        Self(id)
    }

    /// As Redis writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When it was put on the queue, in Unix milliseconds of Redis' clock.
    #[must_use]
    pub fn millis(&self) -> i64 {
        self.0.split('-').next().and_then(|millis| millis.parse().ok()).unwrap_or_default()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A job as a worker gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: JobId,
    /// Its lane.
    pub lane: Lane,
    /// The job.
    pub job: Job,
    /// How many workers began it since it was last put on its lane, this one included. More than one
    /// means that a worker died while it ran it, or was silent for a whole lease.
    pub deliveries: u32,
}

/// Disposition of a job after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It is settled, and leaves the queue.
    Done,
    /// It failed: again later, as one more attempt.
    Retry {
        /// How much later.
        after: Duration,
    },
    /// It has to wait: again later, as the same attempt.
    Snooze {
        /// How much later.
        after: Duration,
    },
    /// It was not finished and is for any worker to take; costs neither an attempt nor a delivery.
    HandBack,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> JobId {
        JobId::new("1700000000123-4".into())
    }

    #[test]
    fn meta_data_comes_back_as_written() {
        let meta = JobMeta {
            endpoint: "connect".into(),
            received_at_ms: 5,
            secret_index: Some(1),
            attempt: 3,
            source: JobSource::Replay,
            event: Some("evt_1".into()),
            trace: Some("00-ab-cd-01".into()),
            retry_of: None,
        };
        let json = meta.encode().expect("it encodes");
        assert!(json.contains(r#""v":1"#), "{json}");
        assert_eq!(JobMeta::decode(json.as_bytes(), &id()), meta);
    }

    #[test]
    fn what_a_newer_version_adds_is_ignored_and_what_it_leaves_out_has_a_default() {
        let meta = JobMeta::decode(br#"{"v":9,"source":"importer","colour":"red"}"#, &id());
        assert_eq!(meta.source, JobSource::Webhook);
        assert_eq!(meta.attempt, 0);
    }

    #[test]
    fn unreadable_meta_data_does_not_lose_the_job() {
        assert_eq!(JobMeta::decode(b"\xff", &id()).received_at_ms, 1_700_000_000_123);
    }
}
