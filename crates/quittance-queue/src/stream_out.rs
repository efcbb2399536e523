//! The Redis Stream that notifications are written to, for consumer groups to read.

use std::time::Duration;

use super::connection::Link;
use super::error::QueueError;
use super::keys::Keys;
use quittance_config as config;

/// One entry, in the fields that it will have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamEntry<'a> {
    /// Its stable id; a reader that has seen it has seen this.
    pub id: &'a str,
    /// What it says.
    pub topic: &'a str,
    /// The whole of it, as JSON.
    pub body: &'a str,
}

/// Writes `{name}:outbox`. Connects with the first call, and again when the connection breaks.
#[derive(Clone)]
pub struct StreamOut {
    link: Link,
    key: String,
    max_length: u64,
    limit: Duration,
}

impl StreamOut {
    /// Reads the settings. `max_length` is about how many entries are kept; 0 for all.
    ///
    /// # Errors
    /// [`QueueError::Url`].
    pub fn new(
        redis: &config::Redis,
        queue: &config::Queue,
        max_length: u64,
    ) -> Result<Self, QueueError> {
        let limit = redis.command_timeout;
        let link = Link::new("outbox", redis, limit, None)?;
        Ok(Self { link, key: Keys::new(&queue.name).outbox().to_owned(), max_length, limit })
    }

    /// Adds entries in their order, in one round trip.
    ///
    /// # Errors
    /// Class `Unavailable` when Redis does not take them in time. Any number of them may be there
    /// all the same.
    pub async fn add(&self, entries: &[StreamEntry<'_>]) -> Result<(), QueueError> {
        let mut pipeline = redis::pipe();
        for entry in entries {
            let command = pipeline.cmd("XADD").arg(&self.key);
            if self.max_length > 0 {
                command.arg("MAXLEN").arg("~").arg(self.max_length);
            }
            command.arg("*").arg("id").arg(entry.id).arg("topic").arg(entry.topic);
            command.arg("body").arg(entry.body).ignore();
        }
        self.link
            .call_within(
                self.limit,
                |mut redis| async move { pipeline.query_async(&mut redis).await },
            )
            .await
    }
}
