//! Where notifications go.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::domain::failure::Failure;
use crate::store::outbox::Claimed;

/// A way out. There are two: HTTP, and the Redis Stream, which `cli` ties in because only `queue`
/// knows Redis.
pub trait Channel: Send + Sync {
    /// Sends a batch; says of each, in its order, whether it has arrived. A missing word counts as
    /// none: such a one is sent again when its lease ends.
    fn deliver<'a>(&'a self, batch: &'a [Claimed]) -> BoxFuture<'a, Vec<Result<(), Failure>>>;
}

/// Somebody who is told.
#[derive(Clone)]
pub struct Destination {
    /// `stream`, or `http:` and the name in the settings. What it has been told is kept under it.
    pub name: String,
    /// What it wants to hear; none for everything.
    pub topics: Vec<String>,
    /// Batches sent at once by this process.
    pub at_once: usize,
    /// Notifications in one batch.
    pub batch: usize,
    /// The way there.
    pub channel: Arc<dyn Channel>,
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination").field("name", &self.name).finish_non_exhaustive()
    }
}
