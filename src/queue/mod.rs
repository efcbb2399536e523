<<<<<<< HEAD
<<<<<<< HEAD
//! The queue: apalis workers over Redis Streams. The only module that names either.
//!
//! ```text
//!            Producer                                  Consumer
//!   XADD ──▶ {name}:live ────────┐ XREADGROUP   ┌─ fetch ─▶ buffer ─▶ apalis worker ─▶ handler
//!        └─▶ {name}:backfill ────┴─────────────▶┤                                        │
//!              ▲                                ├─ lease   renews what is ours            │
//!              │ promote.lua                    └─ sweep   retries, dead workers' jobs     ▼
//!            {name}:delayed ◀──────────────────────────────────────────────────────── settle
//!                                 reschedule.lua               XACK + XDEL, hand back
//! ```
//!
//! What it promises:
//! - A job that was enqueued is delivered until it is settled: at least once.
//! - A job is in the hands of one worker at a time, as long as that worker is heard of once a lease.
//! - What a job costs does not depend on how many wait, and a settled job leaves nothing behind.
//! - An outage of Redis makes it wait. It never ends the worker and never spends an attempt.
//!
//! Redis 6.2 or later, or Valkey.

mod backend;
mod buffer;
mod connection;
mod consumer;
mod depth;
mod entries;
mod error;
mod fetch;
mod group;
mod handler;
mod health;
mod held;
mod job;
mod keys;
mod lease;
mod limiter;
mod member;
mod producer;
mod scripts;
mod settle;
mod sweep;

pub use consumer::Consumer;
pub use depth::{Depth, LaneDepth};
pub use error::QueueError;
pub use health::RedisHealth;
pub use job::{Delivery, Disposition, Job, JobId, JobMeta, JobSource, Lane};
pub use limiter::Limiter;
pub use producer::Producer;
pub use settle::Stopped;
=======
//! The queue.

use bytes::Bytes;

use crate::config;

/// The two lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Webhooks.
=======
//! The queue over Redis.

use bytes::Bytes;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use serde::{Deserialize, Serialize};

use crate::config;
use crate::domain::failure::{Class, Dependency};

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Live webhooks.
>>>>>>> ingress
    Live,
    /// Backfills.
    Backfill,
}

<<<<<<< HEAD
/// Where a job comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
=======
/// Where a job came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
>>>>>>> ingress
pub enum JobSource {
    /// A webhook.
    Webhook,
    /// Ops.
    Retry,
    /// A replay.
    Replay,
}

<<<<<<< HEAD
/// What goes with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobMeta {
    /// The endpoint.
    pub endpoint: String,
    /// When it was received.
=======
/// What travels beside the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMeta {
    /// The endpoint's name.
    pub endpoint: String,
    /// Milliseconds since 1970.
>>>>>>> ingress
    pub received_at_ms: i64,
    /// Which secret matched.
    pub secret_index: Option<u32>,
    /// Failed attempts so far.
    pub attempt: u32,
<<<<<<< HEAD
    /// Where it comes from.
=======
    /// Where it came from.
>>>>>>> ingress
    pub source: JobSource,
    /// W3C traceparent.
    pub trace: Option<String>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
<<<<<<< HEAD
    /// What goes with it.
    pub meta: JobMeta,
    /// The event.
=======
    /// Beside the body.
    pub meta: JobMeta,
    /// The event as received.
>>>>>>> ingress
    pub body: Bytes,
}

/// A stream id.
#[derive(Debug, Clone, PartialEq, Eq)]
<<<<<<< HEAD
pub struct JobId(String);

/// The queue failed.
#[derive(Debug, thiserror::Error)]
#[error("the queue is not available")]
pub struct QueueError;

/// Writes jobs.
#[derive(Debug, Clone)]
pub struct Producer;

impl Producer {
    /// Connects lazily.
    ///
    /// # Errors
    /// The URL.
    pub fn new(_redis: &config::Redis, _queue: &config::Queue) -> Result<Self, QueueError> {
        Ok(Self)
    }

    /// Enqueues.
    ///
    /// # Errors
    /// Redis.
    pub async fn enqueue(&self, _lane: Lane, _job: &Job) -> Result<JobId, QueueError> {
        Err(QueueError)
    }
}
>>>>>>> store
=======
pub struct JobId(pub String);

/// Why the queue failed.
#[derive(Debug, thiserror::Error)]
#[error("redis: {0}")]
pub struct QueueError(#[from] redis::RedisError);

impl QueueError {
    /// Its class.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::Unavailable(Dependency::Redis)
    }
}

/// Writes jobs.
#[derive(Clone)]
pub struct Producer {
    connection: ConnectionManager,
    name: String,
}

impl Producer {
    /// Parses the URL; connects when first used.
    ///
    /// # Errors
    /// The URL is none.
    pub fn new(redis: &config::Redis, queue: &config::Queue) -> Result<Self, QueueError> {
        let client = redis::Client::open(redis.url.reveal())?;
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(redis.connect_timeout))
            .set_response_timeout(Some(redis.command_timeout));
        let connection = ConnectionManager::new_lazy_with_config(client, settings)?;
        Ok(Self { connection, name: queue.name.clone() })
    }

    /// One `XADD`.
    ///
    /// # Errors
    /// Redis did not acknowledge it.
    pub async fn enqueue(&self, lane: Lane, job: &Job) -> Result<JobId, QueueError> {
        let lane = match lane {
            Lane::Live => "live",
            Lane::Backfill => "backfill",
        };
        let meta = serde_json::to_vec(&job.meta).unwrap_or_default();
        let id: String = redis::cmd("XADD")
            .arg(format!("{{{}}}:{lane}", self.name))
            .arg("*")
            .arg("m")
            .arg(meta)
            .arg("b")
            .arg(&job.body[..])
            .query_async(&mut self.connection.clone())
            .await?;
        Ok(JobId(id))
    }

    /// Whether Redis takes a write.
    ///
    /// # Errors
    /// It does not.
    pub async fn ready(&self) -> Result<(), QueueError> {
        let () = redis::cmd("SET")
            .arg(format!("{{{}}}:ready", self.name))
            .arg(1)
            .arg("PX")
            .arg(1000)
            .query_async(&mut self.connection.clone())
            .await?;
        Ok(())
    }
}
>>>>>>> ingress
