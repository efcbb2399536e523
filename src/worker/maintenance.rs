//! The duty `retention`: removes what is kept no longer.
//!
//! In small batches and one process at a time, so that the work goes on beside it; what is open is
//! never removed. The log and the audit log say what went.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::Retention;
use crate::config::retention::Keep;
use crate::store::dead_letter::DeadLetterState;
use crate::store::retention::Batch;
use crate::store::{Store, StoreError};

/// Between two rounds.
pub const EVERY: Duration = Duration::from_mins(10);

/// Rows of one batch: few enough that no other transaction waits for this one.
const BATCH: i64 = 2_000;

/// Counts of what one round has removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Dead letters that were resolved.
    pub resolved_letters: u64,
    /// Dead letters that were discarded.
    pub discarded_letters: u64,
    /// Attempts.
    pub attempts: u64,
    /// Rows of the audit log.
    pub audit_log: u64,
    /// Records of events that were missed.
    pub missed_events: u64,
}

impl Removed {
    /// Says in the log what went, if anything did; and the same in words, for operators.
    #[must_use]
    pub fn told(&self) -> String {
        if *self == Self::default() {
            return "nothing to remove".to_owned();
        }
        let Self { resolved_letters, discarded_letters, attempts, audit_log, missed_events } =
            *self;
        tracing::info!(
            resolved_letters,
            discarded_letters,
            attempts,
            audit_log,
            missed_events,
            "removed what [retention] keeps no longer"
        );
        let letters = resolved_letters.saturating_add(discarded_letters);
        format!(
            "removed {letters} dead letters, {attempts} attempts, {audit_log} lines of the audit log, \
             {missed_events} records of missed events"
        )
    }
}

/// Removes all that is too old now, unless another process is at it.
///
/// # Errors
/// Postgres; what was removed before stays removed, and noted.
pub async fn round(
    store: &Store,
    retention: &Retention,
    shutdown: &CancellationToken,
) -> Result<Removed, StoreError> {
    let Retention { resolved_letters, discarded_letters, attempts, audit_log } = *retention;
    let mut removed = Removed::default();
    for (what, keep, count) in [
        (
            What::DeadLetters(DeadLetterState::Resolved),
            resolved_letters,
            &mut removed.resolved_letters,
        ),
        (
            What::DeadLetters(DeadLetterState::Discarded),
            discarded_letters,
            &mut removed.discarded_letters,
        ),
        (What::Attempts, attempts, &mut removed.attempts),
        (What::AuditLog, audit_log, &mut removed.audit_log),
        // Each has its attempts, too.
        (What::MissedEvents, attempts, &mut removed.missed_events),
    ] {
        match keep {
            Keep::Forever => {}
            Keep::For(age) => *count = batches(store, what, age, shutdown).await?,
        }
    }
    Ok(removed)
}

/// A kind of rows that are removed.
#[derive(Clone, Copy)]
enum What {
    DeadLetters(DeadLetterState),
    Attempts,
    AuditLog,
    MissedEvents,
}

/// Batch after batch, until there is no more.
async fn batches(
    store: &Store,
    what: What,
    age: Duration,
    shutdown: &CancellationToken,
) -> Result<u64, StoreError> {
    let mut removed: u64 = 0;
    let mut after = 0;
    while !shutdown.is_cancelled() {
        let batch = match what {
            What::DeadLetters(ended) => store.remove_dead_letters(ended, age, BATCH).await?,
            What::AuditLog => store.remove_audit(age, BATCH).await?,
            What::MissedEvents => store.remove_missed(age, BATCH).await?,
            What::Attempts => {
                let (batch, next) = store.remove_attempts(after, age, BATCH).await?;
                after = next.unwrap_or(after);
                batch
            }
        };
        match batch {
            Batch::More(count) => removed = removed.saturating_add(count),
            Batch::Last(count) => return Ok(removed.saturating_add(count)),
            Batch::Elsewhere => return Ok(removed),
        }
    }
    Ok(removed)
}
