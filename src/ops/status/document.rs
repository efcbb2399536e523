//! The document: the same on the command line with `--json` and in the JSON API.
//!
//! Times are RFC 3339, durations in named units. A part that could not be read is `null`; its
//! dependency says why.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::finding::Finding;
use crate::ops::queue::{QueueLossStatus, QueueStatus};
use crate::store::command::CommandCounts;
use crate::store::completeness::Completeness;
use crate::store::duty::Duty;
use crate::store::event_certificate::EventCertificate;
use crate::store::outbox::{DestinationState, OutboxHold};
use crate::store::status::{AnomalyCounts, DeadLetterCounts};

/// Everything at one glance.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Status {
    /// Whether no finding is a problem.
    pub healthy: bool,
    /// Problems, then warnings.
    pub findings: Vec<Finding>,
    /// When it was looked at.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The version of the program that looked.
    pub version: String,
    /// Redis, Postgres and Stripe.
    pub dependencies: Vec<DependencyStatus>,
    /// The queue; null while Redis does not answer.
    pub queue: Option<QueueStatus>,
    /// Jobs that Redis has lost, which no operator has acknowledged; null where there are none, and
    /// while Postgres does not answer.
    pub loss: Option<QueueLossStatus>,
    /// Whether Redis keeps what it acknowledged; null while it does not answer.
    pub durability: Option<DurabilityStatus>,
    /// Throughput: jobs received and finished; null while Redis does not answer.
    pub rates: Option<Rates>,
    /// The workers; null while Redis does not answer.
    pub workers: Option<Vec<WorkerStatus>>,
    /// The buckets of the shared request budget that were drawn on within the last minute; null
    /// while Redis does not answer.
    pub limiter: Option<Vec<BucketStatus>>,
    /// Dead letters; null while Postgres does not answer.
    pub dead_letters: Option<DeadLetterCounts>,
    /// What was written in the last 24 hours although something about it is odd; null while Postgres does
    /// not answer.
    pub anomalies: Option<AnomalyCounts>,
    /// How far each destination of notifications is; null while Postgres does not answer.
    pub outbox: Option<Vec<DestinationState>>,
    /// The transaction that has been running longest of those that hold the outbox back; null where
    /// none is, and while Postgres does not answer.
    pub outbox_hold: Option<OutboxHold>,
    /// What Stripe was asked to do; null while Postgres does not answer.
    pub commands: Option<CommandCounts>,
    /// Until when every event that Stripe lists is here; null before the first sweep, and while Postgres does
    /// not answer.
    pub completeness: Option<Completeness>,
    /// The last comparison of Stripe's list of events with the ledger (`quittance verify`); null where there is
    /// none, and while Postgres does not answer.
    pub certificate: Option<EventCertificate>,
    /// The background duties of the workers; null while Postgres does not answer.
    pub duties: Option<Vec<Duty>>,
    /// The database's schema; null while Postgres does not answer.
    pub schema: Option<SchemaStatus>,
}

/// Whether Redis keeps what it acknowledged, as far as it says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DurabilityStatus {
    /// Why it may throw away acknowledged events at any time; null: it does not.
    pub evicts: Option<String>,
    /// What a restart or a change of settings could lose, and what Redis does not say.
    pub warnings: Vec<String>,
}

/// Something that the work stands on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DependencyStatus {
    /// `redis`, `postgres`, `stripe`.
    pub name: String,
    /// Whether it does its part.
    pub state: DependencyState,
    /// How long a small question took, in milliseconds; null for Stripe, which is not asked: it is
    /// as the workers see it.
    pub latency_ms: Option<f64>,
    /// What is wrong, or why the state is unknown.
    pub detail: Option<String>,
    /// Since when it is down, where that is known.
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
}

/// Whether a dependency does its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DependencyState {
    /// It does.
    Up,
    /// It does not.
    Down,
    /// Unknown: no worker is running that could report it.
    Unknown,
}

impl DependencyState {
    /// `up`, `down`, `unknown`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}

/// Throughput: jobs that arrive and are finished. Counted in Redis: arrivals by the process that enqueues,
/// redeliveries and retries by hand included; ends by the workers, dead letters included.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Rates {
    /// Of the last 60 seconds.
    pub last_minute: Rate,
    /// Of the last 300 seconds.
    pub last_5_minutes: Rate,
    /// Of the last 3600 seconds.
    pub last_hour: Rate,
    /// Minute by minute, 60 of them, oldest first; the last one is still running.
    pub minutes: Vec<Slice>,
    /// Hour by hour, 24 of them, oldest first; the last one is still running.
    pub hours: Vec<Slice>,
}

/// Jobs that arrived and were finished within a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Rate {
    /// Jobs that arrived in a second, on average.
    pub arrived_per_second: f64,
    /// Jobs that were finished in a second, on average.
    pub finished_per_second: f64,
}

/// A minute, or an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Slice {
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Jobs that arrived in it.
    pub arrived: u64,
    /// Jobs that were finished in it.
    pub finished: u64,
}

/// A worker, as it last reported itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WorkerStatus {
    /// Its name, as in the log and with each attempt.
    pub name: String,
    /// Its name in Redis, new with each start.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its host.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// When it started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// How long ago it reported itself, in milliseconds.
    pub seen_ms_ago: u64,
    /// Whether that is too long ago for one that lives. It is listed for half a minute more.
    pub silent: bool,
    /// Jobs that it runs at once.
    pub concurrency: u64,
    /// Attempts that it allows at once now: fewer than `concurrency` after attempts that timed out;
    /// null where it does not say.
    pub limit: Option<u64>,
    /// Jobs that it runs now.
    pub running: u64,
    /// Those that have run longest, 32 at most.
    pub jobs: Vec<RunningJob>,
    /// What it waits for instead of beginning more.
    pub waits_for: Option<WaitStatus>,
    /// The lanes that it knows to be paused.
    pub paused: Vec<String>,
}

/// A job that a worker runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RunningJob {
    /// Its id within its lane.
    pub id: String,
    /// Its lane.
    pub lane: String,
    /// Its event, once it has been read.
    pub event: Option<String>,
    /// The event's type.
    pub event_type: Option<String>,
    /// The object that it is about.
    pub object: Option<String>,
    /// The attempt, from 1.
    pub attempt: u32,
    /// For how long it has run, in milliseconds.
    pub running_ms: u64,
}

/// Reason why a worker begins no jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitStatus {
    /// `redis`, `postgres`, `stripe`.
    pub dependency: String,
    /// Whether the fault lies in our settings: time alone will not mend it.
    pub misconfigured: bool,
    /// What it said.
    pub message: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// A bucket of the shared request budget.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BucketStatus {
    /// Account, mode and endpoint of the API.
    pub bucket: String,
    /// Requests a second that it allows now.
    pub rate_per_second: f64,
    /// Requests a second that it allows when Stripe has not slowed us down.
    pub full_rate_per_second: f64,
    /// Requests that it would allow at once.
    pub tokens: f64,
    /// The most of them that it saves up.
    pub capacity: f64,
    /// Until when it is slower than that, after a 429; null while it is not.
    #[serde(with = "time::serde::rfc3339::option")]
    pub slowed_until: Option<OffsetDateTime>,
}

impl BucketStatus {
    /// Whether it is not in use, and not slowed by Stripe.
    /// There is a bucket for each endpoint and account, so that all of them would hide the others.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.slowed_until.is_none() && self.tokens >= self.capacity
    }
}

/// The database's schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SchemaStatus {
    /// The newest migration that was run.
    pub have: Option<i64>,
    /// The newest one of this program.
    pub need: i64,
    /// Whether this program can work with it.
    pub fits: bool,
}
