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
    Live,
    /// Backfills.
    Backfill,
}

/// Where a job came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobSource {
    /// A webhook.
    Webhook,
    /// Ops.
    Retry,
    /// A replay.
    Replay,
}

/// What travels beside the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMeta {
    /// The endpoint's name.
    pub endpoint: String,
    /// Milliseconds since 1970.
    pub received_at_ms: i64,
    /// Which secret matched.
    pub secret_index: Option<u32>,
    /// Failed attempts so far.
    pub attempt: u32,
    /// Where it came from.
    pub source: JobSource,
    /// W3C traceparent.
    pub trace: Option<String>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Beside the body.
    pub meta: JobMeta,
    /// The event as received.
    pub body: Bytes,
}

/// A stream id.
#[derive(Debug, Clone, PartialEq, Eq)]
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
