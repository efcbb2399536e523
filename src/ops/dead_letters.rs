//! `quittance dead-letters`: list, show, retry, discard.

use bytes::Bytes;

use crate::queue::{Job, JobMeta, JobSource, Lane, Producer, QueueError};
use crate::store::dead_letter::{Actor, DeadLetterId, Filter, Letter, LetterState, Marked};
use crate::store::history::{AuditEntry, CurrentRow, KeptAttempt, KeptTransition};
use crate::store::{Store, StoreError};

/// A letter with all that is known around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The letter, with its payload.
    pub letter: Letter,
    /// Every attempt at its event.
    pub attempts: Vec<KeptAttempt>,
    /// Its object as it is now.
    pub current: Option<CurrentRow>,
    /// What its object went through.
    pub transitions: Vec<KeptTransition>,
    /// What people did with it.
    pub audit: Vec<AuditEntry>,
}

/// What became of one letter of a retry.
#[derive(Debug)]
pub enum Retried {
    /// Its job is back in the queue.
    Enqueued,
    /// Its job went back into the queue, and the letter moved by itself meanwhile: settled, or
    /// given up again.
    Overtaken,
    /// There is no such letter.
    Unknown,
    /// It is resolved or discarded.
    Closed(LetterState),
    /// Its body was not kept, because it was not JSON: only Stripe can send it again.
    NoPayload,
    /// The queue did not take it. The letter is as it was.
    NotEnqueued(QueueError),
    /// The queue took it, but the letter could not be marked. Its job runs all the same.
    NotMarked(StoreError),
}

/// What became of one letter of a discard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discarded {
    /// It is given up.
    Done,
    /// There is no such letter.
    Unknown,
    /// It is resolved or was discarded before.
    Closed(LetterState),
}

/// A discard needs a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a discard needs a reason")]
pub struct NoReason;

/// A discard failed.
#[derive(Debug, thiserror::Error)]
pub enum DiscardError {
    /// Nobody said why.
    #[error(transparent)]
    NoReason(#[from] NoReason),
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lists letters, newest first.
///
/// # Errors
/// Postgres.
pub async fn list(store: &Store, filter: &Filter) -> Result<Vec<Letter>, StoreError> {
    store.dead_letters(filter).await
}

/// One letter and what is known around it.
///
/// # Errors
/// Postgres.
pub async fn show(store: &Store, id: DeadLetterId) -> Result<Option<Shown>, StoreError> {
    let Some(letter) = store.find_dead_letter(id).await? else { return Ok(None) };
    let attempts = store.attempts(&letter.event_key).await?;
    let mut current = None;
    let mut transitions = Vec::new();
    if let (Some(account), Some(livemode), Some(kind), Some(object)) =
        (&letter.account, letter.livemode, &letter.object_kind, &letter.object_id)
    {
        current = store.current(account, livemode, kind, object).await?;
        transitions = store.transitions(account, livemode, kind, object).await?;
    }
    let audit = store.audit(&id.target()).await?;
    Ok(Some(Shown { letter, attempts, current, transitions, audit }))
}

/// Puts letters back into the queue, each for itself.
///
/// First the queue, then the mark: a crash between the two leaves an open letter whose job runs,
/// and a second retry of it is harmless. The other way round would leave a letter that seems to be
/// on its way and is not.
///
/// # Errors
/// Postgres, while letters were read; those before it are done.
pub async fn retry(
    store: &Store,
    producer: &Producer,
    ids: &[DeadLetterId],
    actor: Actor<'_>,
) -> Result<Vec<(DeadLetterId, Retried)>, StoreError> {
    let mut results = Vec::with_capacity(ids.len());
    for &id in ids {
        let result = match store.find_dead_letter(id).await? {
            None => Retried::Unknown,
            Some(letter) => retry_one(store, producer, &letter, actor).await,
        };
        results.push((id, result));
    }
    Ok(results)
}

async fn retry_one(
    store: &Store,
    producer: &Producer,
    letter: &Letter,
    actor: Actor<'_>,
) -> Retried {
    match letter.state {
        // One that is being retried may be retried again: its job may have been lost with Redis.
        LetterState::Open | LetterState::Retrying => {}
        LetterState::Resolved | LetterState::Discarded => return Retried::Closed(letter.state),
    }
    let Some(job) = job(letter) else { return Retried::NoPayload };
    if let Err(error) = producer.enqueue(lane(letter), &job).await {
        return Retried::NotEnqueued(error);
    }
    match store.mark_retrying(letter, actor).await {
        Ok(Marked::Done) => Retried::Enqueued,
        Ok(Marked::Moved) => Retried::Overtaken,
        Err(error) => Retried::NotMarked(error),
    }
}

/// The letter's job, new: all its attempts before it.
fn job(letter: &Letter) -> Option<Job> {
    let payload = letter.payload.as_ref()?;
    let received_at_ms = letter.received_at.unix_timestamp_nanos() / 1_000_000;
    Some(Job {
        meta: JobMeta {
            endpoint: letter.endpoint.clone(),
            received_at_ms: i64::try_from(received_at_ms).unwrap_or(i64::MAX),
            secret_index: letter.secret_index,
            attempt: 0,
            source: JobSource::Retry,
            trace: None,
        },
        body: Bytes::from(payload.to_string()),
    })
}

fn lane(letter: &Letter) -> Lane {
    if letter.lane == "backfill" { Lane::Backfill } else { Lane::Live }
}

/// Gives letters up for good, each for itself.
///
/// # Errors
/// No reason is given, or Postgres; those before it are done.
pub async fn discard(
    store: &Store,
    ids: &[DeadLetterId],
    actor: Actor<'_>,
) -> Result<Vec<(DeadLetterId, Discarded)>, DiscardError> {
    if actor.reason.is_none_or(|reason| reason.trim().is_empty()) {
        return Err(NoReason.into());
    }
    let mut results = Vec::with_capacity(ids.len());
    for &id in ids {
        let result = match store.discard_dead_letter(id, actor).await? {
            Marked::Done => Discarded::Done,
            Marked::Moved => match store.find_dead_letter(id).await? {
                None => Discarded::Unknown,
                Some(letter) => Discarded::Closed(letter.state),
            },
        };
        results.push((id, result));
    }
    Ok(results)
}
