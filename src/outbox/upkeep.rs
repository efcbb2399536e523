//! What is done for the outbox beside delivering it: waking readers by SQL, and pruning. Two tasks, so
//! that a long prune delays nobody who listens.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};

/// How long a pruner rests at least between two passes over the outbox.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// How many times as long as a pass took it rests: what stays, since a destination was not told of it, is
/// looked at with each pass.
const RESTS_TIMES: u32 = 20;

/// Rows of the outbox looked at in one transaction.
const PRUNE_PAGE: i64 = 1_000;

/// After something was written: time for what is written beside it to be written too.
const SETTLE: Duration = Duration::from_millis(10);

/// Wakes those who `LISTEN quittance_outbox` until `shutdown`.
pub(super) async fn announce(store: Store, poll_interval: Duration, shutdown: CancellationToken) {
    let mut told = store.told();
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
            _ = told.changed() => sleep(SETTLE).await,
        }
    }
}

/// Removes what is older than `retention`, and was delivered, until `shutdown`: it ends between two pages.
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

/// Once through the outbox. Says how many rows were removed.
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

/// Says once that something fails.
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
