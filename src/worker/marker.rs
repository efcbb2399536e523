//! Compares the marker in Redis with what Postgres remembers of it, so that a Redis that has lost jobs
//! is found out, whatever it was: emptied, replaced by an empty or an older one, or made to evict keys.

use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::domain::failure;
use crate::queue::{MarkerCheck, MarkerState, QueueError};
use crate::store::queue_marker::{QueueLoss, QueueMemory, QueueSeen};
use crate::store::{Store, StoreError};

/// Between two checks. What is received in between may be lost without being counted as finished, so
/// this is how exactly it is known since when events are missing.
const EVERY: Duration = Duration::from_secs(5);

/// Why a check came to no end.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks until `shutdown`; the first check is at once. One that fails is left at that: while Redis or
/// Postgres is down, other parts say so.
pub(super) async fn watch(store: Store, marker: MarkerCheck, shutdown: CancellationToken) {
    loop {
        match shutdown.run_until_cancelled(check(&store, &marker)).await {
            None => return,
            Some(Ok(None)) => {}
            Some(Ok(Some(loss))) => log_loss(&marker, &loss),
            Some(Err(error)) => {
                let error = failure::chain(&error).join(": ");
                tracing::debug!(error, "the marker of the queue could not be checked");
            }
        }
        if shutdown.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}

/// One check. Answers a loss that no other worker has told of.
async fn check(store: &Store, marker: &MarkerCheck) -> Result<Option<QueueLoss>, CheckError> {
    let queue = marker.queue();
    // The memory first: whatever it says was in Redis before the marker is read.
    let known = store.queue_memory(queue).await?;
    let state = marker.check().await?;
    let what = state.missing.text();
    let Some(seen) = seen(state) else { return Ok(None) };
    match known {
        None => store.remember_queue(queue, &seen).await?,
        Some(known) if is_lost(&known, &seen) => {
            return Ok(store.queue_lost(queue, &known, &seen, &what).await?);
        }
        Some(_) => store.queue_is_there(queue, &seen).await?,
    }
    Ok(None)
}

fn seen(state: MarkerState) -> Option<QueueSeen> {
    let until = state.finished_until_ms.map(|ms| i128::from(ms) * 1_000_000);
    Some(QueueSeen {
        epoch: state.epoch?,
        beat: state.beat,
        finished_until: until.and_then(|ns| OffsetDateTime::from_unix_timestamp_nanos(ns).ok()),
    })
}

/// Whether jobs may have been lost between what is known and what is seen.
fn is_lost(known: &QueueMemory, seen: &QueueSeen) -> bool {
    known.epoch != seen.epoch || seen.beat.is_some_and(|beat| beat <= known.beat)
}

fn log_loss(marker: &MarkerCheck, loss: &QueueLoss) {
    let since = loss.since.replace_nanosecond(0).unwrap_or(loss.since);
    let what = if loss.what.is_empty() { "all of it" } else { &*loss.what };
    tracing::error!(
        queue = marker.queue(), what, %since,
        "Redis has lost jobs: replay the events since then, then `quittance queue acknowledge-loss`"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(epoch: &str, beat: i64) -> QueueMemory {
        let finished_until = OffsetDateTime::UNIX_EPOCH;
        QueueMemory { epoch: epoch.into(), beat, finished_until, loss: None }
    }

    fn seen(epoch: &str, beat: Option<i64>) -> QueueSeen {
        QueueSeen { epoch: epoch.into(), beat, finished_until: None }
    }

    #[test]
    fn another_epoch_or_fewer_beats_are_a_loss() {
        assert!(!is_lost(&known("a", 5), &seen("a", Some(6))));
        assert!(is_lost(&known("a", 5), &seen("b", Some(6))));
        assert!(is_lost(&known("a", 5), &seen("a", Some(5))), "Redis has gone back in time");
        assert!(!is_lost(&known("a", 5), &seen("a", None)), "a full Redis counts nothing");
    }
}
