//! Running an operation, page by page.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::domain::failure::{self, Class};
use crate::ops::dead_letters::{Way, prepare, spread};
use crate::queue::{Producer, QueueError};
use crate::store::dead_letter::{ActedOn, DeadLetterId};
use crate::store::operation::{Operation, OperationState, OperationVerb, Running};
use crate::store::{Store, StoreError};

/// Dead letters of one page: of a retry, their payloads are in memory together. Live events wait for the commit
/// of a page that is under way, so it must not take long.
const PAGE: u32 = 200;

/// Rest after each page of an operation, as a multiple of the time that the page took.
const RESTS: u32 = 2;

/// Tries of a page that another transaction is in the way of.
const TRIES: u32 = 5;

/// An operation was interrupted by a failure. It is where it was, and can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue took no more.
    #[error("the queue took no more")]
    Queue(#[from] QueueError),
    /// A retry, and no queue was given.
    #[error("a retry needs the queue")]
    NoQueue,
    /// Refunds are commands, which `commands` runs. A cancel alone needs nothing.
    #[error("refunds are run by what carries commands out")]
    Refunds,
    /// A backfill reads from Stripe, which `backfill` does. A cancel alone needs nothing.
    #[error("a backfill is run by what reads from Stripe")]
    Backfill,
    /// Another process has taken it over, because its heartbeat was late.
    #[error("another process runs it now")]
    TakenOver,
}

/// Runs an operation to its end, and calls `progress` for each page. It ends when every dead letter has had its
/// turn, or, after a [`cancel`](super::cancel), when all its retries are taken back from the queue. When `stop` is
/// cancelled it is interrupted before its next page. It holds one page in memory.
///
/// The failure of one dead letter does not stop the others. An outage does: the operation is interrupted, and
/// [`resume`](super::resume) continues it.
///
/// # Errors
/// The outage.
pub async fn run(
    store: &Store,
    producer: Option<&Producer>,
    running: Running,
    mut progress: impl FnMut(&Operation),
    stop: &CancellationToken,
) -> Result<Operation, RunError> {
    let ended = match pages(store, producer, &running, &mut progress, stop).await {
        Ok(Some(operation)) => Ok(operation),
        Ok(None) => interrupt(store, &running, STOPPED).await?.ok_or(RunError::TakenOver),
        Err(RunError::TakenOver) => Err(RunError::TakenOver),
        Err(error) => {
            let why = failure::chain(&error).join(": ");
            // What stopped it says more than that its end could not be noted: it counts as
            // interrupted too when its heartbeat stops.
            drop(interrupt(store, &running, &why).await);
            Err(error)
        }
    };
    let operation = ended?;
    progress(&operation);
    Ok(operation)
}

/// The error of an operation whose process was stopped.
const STOPPED: &str = "the process that ran it was stopped";

async fn interrupt(
    store: &Store,
    running: &Running,
    why: &str,
) -> Result<Option<Operation>, StoreError> {
    store.end_operation(running, OperationState::Interrupted, Some(why)).await
}

/// Page after page, until the operation has ended. None: `stop` came first.
async fn pages(
    store: &Store,
    producer: Option<&Producer>,
    running: &Running,
    progress: &mut impl FnMut(&Operation),
    stop: &CancellationToken,
) -> Result<Option<Operation>, RunError> {
    let taken_back = store.taken_back(running.operation.id).await?;
    let mut place = Place { had_their_turn: None, taken_back, freed: None };
    loop {
        let operation = store.touch_operation(running).await?.ok_or(RunError::TakenOver)?;
        progress(&operation);
        if stop.is_cancelled() {
            return Ok(None);
        }
        let began = Instant::now();
        let is_cancelled = operation.cancel_requested;
        let is_more = if is_cancelled {
            free(store, running, &operation, &mut place).await?
        } else {
            page(store, producer, running, &operation, &mut place).await?
        };
        if is_more {
            // Live events need Postgres, too. The workers take longer over the jobs of a retry than this
            // over its dead letters, so its rests cost no time.
            let _stopped = stop.run_until_cancelled(sleep(began.elapsed() * RESTS)).await;
            continue;
        }
        let state = if is_cancelled { OperationState::Cancelled } else { OperationState::Done };
        if let Some(operation) = store.end_operation(running, state, None).await? {
            return Ok(Some(operation));
        }
        // A cancel came after the last page, or another process runs it: the next look says which.
    }
}

/// Where one run of an operation is.
struct Place {
    /// Dead letters that have had their turn and keep it, before the next page; none until the first.
    had_their_turn: Option<i64>,
    /// Dead letters whose retry had been taken back when this run began.
    taken_back: i64,
    /// The last dead letter whose retry a cancel has looked at.
    freed: Option<DeadLetterId>,
}

/// Does one page. Whether there may be another.
async fn page(
    store: &Store,
    producer: Option<&Producer>,
    running: &Running,
    operation: &Operation,
    place: &mut Place,
) -> Result<bool, RunError> {
    match operation.verb {
        OperationVerb::Refund => return Err(RunError::Refunds),
        OperationVerb::Backfill => return Err(RunError::Backfill),
        OperationVerb::Retry
        | OperationVerb::Discard
        | OperationVerb::Snooze
        | OperationVerb::Undo => {}
    }
    let ids = store.operation_page(operation, PAGE).await?;
    let Some(&last) = ids.last() else { return Ok(false) };
    let before = *place.had_their_turn.get_or_insert(
        operation.done.saturating_add(operation.failed).saturating_sub(place.taken_back),
    );
    let number = |count: i64| usize::try_from(count).unwrap_or(0);
    let (dead_letters, refused) = match operation.verb {
        OperationVerb::Refund => return Err(RunError::Refunds),
        OperationVerb::Backfill => return Err(RunError::Backfill),
        OperationVerb::Discard | OperationVerb::Snooze | OperationVerb::Undo => {
            (ids.iter().map(|id| ActedOn::from(*id)).collect(), Vec::new())
        }
        OperationVerb::Retry => {
            let dead_letters = store.whole_dead_letters(&ids).await?;
            let over = Duration::from_millis(operation.over_ms.unwrap_or(0).unsigned_abs());
            let dead_letters = spread(dead_letters, number(before), number(operation.total), over);
            let mut prepared = prepare(dead_letters, Way::Backfill);
            prepared.enqueue(producer.ok_or(RunError::NoQueue)?).await?;
            (prepared.dead_letters, prepared.refused)
        }
    };
    let mut tries = Tries::default();
    let noted = loop {
        match store.operate(running, &dead_letters, &refused, last).await {
            Ok(noted) => break noted,
            Err(error) => tries.again(error).await?,
        }
    };
    noted.ok_or(RunError::TakenOver)?;
    place.had_their_turn =
        Some(before.saturating_add(i64::try_from(ids.len()).unwrap_or(i64::MAX)));
    Ok(true)
}

/// Takes back one page of what a retry has put into the queue. Whether there may be another.
async fn free(
    store: &Store,
    running: &Running,
    operation: &Operation,
    place: &mut Place,
) -> Result<bool, RunError> {
    match operation.verb {
        OperationVerb::Discard
        | OperationVerb::Snooze
        | OperationVerb::Undo
        | OperationVerb::Refund
        | OperationVerb::Backfill => Ok(false),
        OperationVerb::Retry => {
            let mut tries = Tries::default();
            let last = loop {
                match store.take_back(running, place.freed, PAGE).await {
                    Ok(last) => break last,
                    Err(error) => tries.again(error).await?,
                }
            };
            place.freed = last.ok_or(RunError::TakenOver)?;
            Ok(place.freed.is_some())
        }
    }
}

/// Counts how often a page was tried to be written.
#[derive(Default)]
struct Tries(u32);

impl Tries {
    /// Waits until a page is to be tried again that another transaction was in the way of; the error,
    /// when it was something else or has been so too often.
    async fn again(&mut self, error: StoreError) -> Result<(), StoreError> {
        self.0 += 1;
        if self.0 >= TRIES || !matches!(error.class(), Class::Transient) {
            return Err(error);
        }
        sleep(Duration::from_millis(50) * self.0).await;
        Ok(())
    }
}
