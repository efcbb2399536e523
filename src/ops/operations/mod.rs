//! Bulk operations: one action on all dead letters that match a filter. Bulk refunds and backfills are operations,
//! too: they are listed, shown and cancelled here, and started and run by `commands` and `backfill`.
//!
//! [`preview`] counts them and shows the newest; [`begin`] refuses if the count has changed since; [`run()`]
//! works page by page, with a result for each dead letter. Any process can show or cancel an operation, and
//! resume one whose process has stopped or died.
//!
//! A process that stops leaves its operation `interrupted`, and its retries in the queue; only [`cancel`] takes
//! them back.

mod run;

pub use run::{RunError, run};

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::dead_letters::{DeadLetterResult, LONGEST_SPREAD, Refusal, check, meant};
use crate::store::dead_letter::{Act, ActWord, Actor, DeadLetter, DeadLetterId, Filter};
use crate::store::operation::{
    Cancelling, NewOperation, Operation, OperationId, OperationVerb, Running, StoredLine,
};
use crate::store::{Store, StoreError};

/// Dead letters that a preview shows.
const SAMPLE: u32 = 5;

/// Retries per second by default: fewer than Stripe answers at
/// one endpoint (25 a second), so that live events find room.
const CALM: u64 = 20;

/// Preview of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Preview {
    /// The filter, with the state that the verb is for, where it named none.
    pub selection: Filter,
    /// Number of dead letters that match.
    pub count: i64,
    /// The newest of them: later ones are not included.
    pub upto: Option<DeadLetterId>,
    /// Some of them, newest first.
    pub sample: Vec<DeadLetter>,
}

/// The count that a person has seen and agreed to: that of a [`Preview`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Number of dead letters.
    pub count: i64,
    /// The newest of them.
    pub upto: Option<DeadLetterId>,
}

/// A requested bulk operation.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What to do.
    pub act: Act,
    /// The filter of the dead letters. Default state: open; for an undo: discarded.
    pub selection: &'a Filter,
    /// Over how long to spread retries; zero for all at once, none for a pace that leaves room for
    /// live events.
    pub over: Option<Duration>,
    /// What was agreed to; none for whatever it is now.
    pub agreed: Option<Agreed>,
    /// The actor and the reason.
    pub actor: Actor<'a>,
}

/// An operation does not begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// Its arguments are invalid.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No dead letter matches.
    #[error("no dead letter matches")]
    Nothing,
    /// The number of dead letters has changed since the preview.
    #[error("you confirmed {agreed} dead letters, and now {found} match")]
    Changed {
        /// How many were agreed to.
        agreed: i64,
        /// How many it is.
        found: i64,
    },
}

impl From<StoreError> for BeginError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// The result of an operation for one dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ResultOfOne {
    /// What came of it.
    #[serde(flatten)]
    pub result: DeadLetterResult,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// Counts the dead letters that an operation would include, with the newest as a sample.
///
/// # Errors
/// Postgres.
pub async fn preview(store: &Store, verb: ActWord, filter: &Filter) -> Result<Preview, StoreError> {
    let selection = meant(verb, filter);
    let (count, upto) = store.count_dead_letters(&selection, None).await?;
    let sample = store.dead_letters(&selection, None, SAMPLE).await?;
    Ok(Preview { selection, count, upto, sample })
}

/// Begins an operation: stores it with its actor and reason. Nothing is done before [`run()`].
///
/// # Errors
/// Invalid arguments, no dead letter matches, or not as many as were confirmed; or Postgres.
pub async fn begin(store: &Store, request: &Request<'_>) -> Result<Running, BeginError> {
    let Request { act, selection, over, agreed, actor } = *request;
    check(act, over.unwrap_or_default(), actor)?;
    let selection = meant(act.word(), selection);
    let upto = agreed.and_then(|agreed| agreed.upto);
    let (found, newest) = store.count_dead_letters(&selection, upto).await?;
    if let Some(Agreed { count, .. }) = agreed
        && count != found
    {
        return Err(BeginError::Changed { agreed: count, found });
    }
    let Some(upto) = newest else { return Err(BeginError::Nothing) };
    let over = match act {
        Act::Retry => over.unwrap_or_else(|| calm(found)),
        Act::Discard | Act::Snooze { .. } | Act::Undo => Duration::ZERO,
    };
    let new = NewOperation { act, selection: &selection, upto, over, total: found, actor };
    Ok(store.begin_operation(&new).await?)
}

/// Duration of that many retries at a pace that leaves room for live events.
fn calm(count: i64) -> Duration {
    Duration::from_millis(count.unsigned_abs().saturating_mul(1000) / CALM).min(LONGEST_SPREAD)
}

/// Asks for the end of an operation. What a retry has put into the queue is taken back, as far as it has
/// not come to an end there; also when the operation itself is done, because a retry that is spread over
/// an hour has put all of it there in its first minute. Where no process runs it, the caller [`run()`]s it
/// from then on, which ends it. `None`: there is no such operation, or nothing of it is left to cancel.
///
/// # Errors
/// Postgres.
pub async fn cancel(
    store: &Store,
    id: OperationId,
    actor: Actor<'_>,
) -> Result<Option<Cancelling>, StoreError> {
    store.cancel_operation(id, actor).await
}

/// Takes over an operation that was interrupted or cancelled; [`run()`] then goes on where it was, and
/// comes again to what a cancel has taken back. `None`: there is no such operation, it is done, or another
/// process runs it.
///
/// # Errors
/// Postgres.
pub async fn resume(
    store: &Store,
    id: OperationId,
    actor: Actor<'_>,
) -> Result<Option<Running>, StoreError> {
    store.resume_operation(id, actor).await
}

/// Lists operations, newest first: `limit` of those before `before`.
///
/// # Errors
/// Postgres.
pub async fn list(
    store: &Store,
    before: Option<OperationId>,
    limit: u32,
) -> Result<Vec<Operation>, StoreError> {
    store.operations(before, limit).await
}

/// One operation; a retry with the current states of its dead letters.
///
/// # Errors
/// Postgres.
pub async fn show(store: &Store, id: OperationId) -> Result<Option<Operation>, StoreError> {
    let Some(mut operation) = store.operation(id).await? else { return Ok(None) };
    if operation.verb == OperationVerb::Retry {
        operation.dead_letters = Some(store.operation_aftermath(id).await?);
    }
    Ok(Some(operation))
}

/// The results of an operation, ordered by dead letter: `limit` of those after `after`; only those
/// to which it could not be done, if so asked. A bulk refund has [`lines`] instead.
///
/// # Errors
/// Postgres.
pub async fn results(
    store: &Store,
    operation: &Operation,
    only_failed: bool,
    after: Option<DeadLetterId>,
    limit: u32,
) -> Result<Vec<ResultOfOne>, StoreError> {
    let Some(verb) = operation.verb.act() else { return Ok(Vec::new()) };
    let found = store.operation_results(operation.id, only_failed, after, limit).await?;
    let one = |it: crate::store::operation::OperationResult| ResultOfOne {
        result: DeadLetterResult::of(verb, it.dead_letter, it.acted),
        at: it.at,
    };
    Ok(found.into_iter().map(one).collect())
}

/// The lines of a bulk refund with what came of each, in their order: `limit` of those after `after`; only those
/// that were refused, if so asked. None of an operation on dead letters.
///
/// # Errors
/// Postgres.
pub async fn lines(
    store: &Store,
    operation: &Operation,
    only_failed: bool,
    after: Option<i32>,
    limit: u32,
) -> Result<Vec<StoredLine>, StoreError> {
    if operation.verb != OperationVerb::Refund {
        return Ok(Vec::new());
    }
    store.refund_lines(operation.id, only_failed, after, limit).await
}
