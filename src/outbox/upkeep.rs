//! Maintenance of the outbox: waking SQL readers, and pruning. They are two tasks, so that a long pruning pass
//! delays no reader.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};

/// Shortest pause between two pruning passes over the outbox.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// The pause is at least this many times as long as the pass took, because each pass reads the undelivered
/// rows, which stay, once more.
const RESTS_TIMES: u32 = 20;

/// Rows of the outbox read in one transaction.
const PRUNE_PAGE: i64 = 1_000;

/// Delay after a wakeup, so that rows written at the same time share one announcement.
const SETTLE: Duration = Duration::from_millis(10);

/// Wakes the sessions that `LISTEN quittance_outbox`, until `shutdown`.
pub(super) async fn announce(store: Store, poll_interval: Duration, shutdown: CancellationToken) {
    let mut written = store.outbox_writes();
    let mut cursor = String::new();
    let mut failing = Failing::default();
    while !shutdown.is_cancelled() {
        match store.announce(&cursor).await {
            Ok(newest) => {
                cursor = newest;
                failing.ended();
            }
            Err(error) => failing.warn(&error, "cannot look for what readers can be woken for"),
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = sleep(poll_interval) => {}
            _ = written.changed() => sleep(SETTLE).await,
        }
    }
}

/// Removes delivered rows that are older than `retention`, until `shutdown`, between two pages.
pub(super) async fn prune(store: Store, retention: Duration, shutdown: CancellationToken) {
    let mut failing = Failing::default();
    while !shutdown.is_cancelled() {
        let begun = Instant::now();
        match pass(&store, retention, &shutdown).await {
            Ok(removed) => {
                failing.ended();
                if removed > 0 {
                    tracing::debug!(removed, "pruned the outbox");
                }
            }
            Err(error) => failing.warn(&error, "cannot prune the outbox"),
        }
        let rest = PRUNE_EVERY.max(begun.elapsed() * RESTS_TIMES);
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = sleep(rest) => {}
        }
    }
}

/// Makes one pruning pass over the outbox. Returns how many rows were removed.
async fn pass(
    store: &Store,
    retention: Duration,
    shutdown: &CancellationToken,
) -> Result<u64, StoreError> {
    let (mut cursor, mut removed) = (Some(String::new()), 0);
    while let Some(after) = cursor
        && !shutdown.is_cancelled()
    {
        let page = store.prune_outbox(&after, retention, PRUNE_PAGE).await?;
        removed += page.removed;
        cursor = page.next;
    }
    Ok(removed)
}

/// Logs the first of several failures in a row.
#[derive(Default)]
struct Failing(bool);

impl Failing {
    fn warn(&mut self, error: &StoreError, what: &str) {
        if !std::mem::replace(&mut self.0, true) {
            tracing::warn!(%error, "{what}; waiting");
        }
    }

    fn ended(&mut self) {
        self.0 = false;
    }
}
