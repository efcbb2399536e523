//! Destinations of notifications, and the channels that deliver to them.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::domain::failure::Failure;
use crate::store::outbox::Claimed;

/// Delivers notifications. There are two channels: HTTP, and the Redis Stream, whose implementation is in
/// `roles`, because only `queue` knows Redis.
pub trait Channel: Send + Sync {
    /// Delivers a batch. Returns the outcome of each notification, in the batch's order. One without an
    /// outcome is sent again when its lease ends.
    fn deliver<'a>(&'a self, batch: &'a [Claimed]) -> BoxFuture<'a, Vec<Result<(), Failure>>>;
}

/// A destination of notifications.
#[derive(Clone)]
pub struct Destination {
    /// `stream`, or `http:` and the name in the settings. Its deliveries are recorded under this name.
    pub name: String,
    /// Topics and groups of topics that it receives; empty for all.
    pub topics: Vec<String>,
    /// Most batches of this process in flight at a time.
    pub at_once: usize,
    /// Most notifications in one batch.
    pub batch: usize,
    /// Delivers to it.
    pub channel: Arc<dyn Channel>,
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination").field("name", &self.name).finish_non_exhaustive()
    }
}
