//! The queue.

use bytes::Bytes;

use crate::config;

/// The two lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Webhooks.
    Live,
    /// Backfills.
    Backfill,
}

/// Where a job comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobSource {
    /// A webhook.
    Webhook,
    /// Ops.
    Retry,
    /// A replay.
    Replay,
}

/// What goes with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobMeta {
    /// The endpoint.
    pub endpoint: String,
    /// When it was received.
    pub received_at_ms: i64,
    /// Which secret matched.
    pub secret_index: Option<u32>,
    /// Failed attempts so far.
    pub attempt: u32,
    /// Where it comes from.
    pub source: JobSource,
    /// W3C traceparent.
    pub trace: Option<String>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What goes with it.
    pub meta: JobMeta,
    /// The event.
    pub body: Bytes,
}

/// A stream id.
#[derive(Debug, Clone, PartialEq, Eq)]
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
