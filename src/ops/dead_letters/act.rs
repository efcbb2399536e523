//! Actions on dead letters that are named by id.

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::job::{Way, prepare};
use crate::domain::failure;
use crate::queue::Producer;
use crate::store::dead_letter::{
    Act, ActWord, Acted, ActedOn, Actor, DeadLetter, DeadLetterId, DeadLetterState, Filter,
};
use crate::store::{Store, StoreError};

/// The longest that retries are spread over: until then they wait in the memory of Redis.
pub const LONGEST_SPREAD: Duration = Duration::from_hours(24);

/// Dead letters whose payloads are in memory at the same time.
const PAGE: usize = 100;

/// The result of an action on one dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterResult {
    /// The dead letter.
    pub id: DeadLetterId,
    /// Whether what was asked for was done.
    pub ok: bool,
    /// A stable word: `done`, `moved`, `unknown`, the dead letter's state, `settled`, `replaced`, `gone`,
    /// `no_payload`, `taken_back`, `not_enqueued`, `not_marked`.
    pub result: &'static str,
    /// The same in words.
    pub message: String,
}

impl DeadLetterResult {
    /// In words.
    #[must_use]
    pub fn of(verb: ActWord, id: DeadLetterId, acted: Acted) -> Self {
        let message = words(verb, acted);
        Self { id, ok: acted.is_ok(), result: acted.as_str(), message }
    }
}

fn words(verb: ActWord, acted: Acted) -> String {
    match (acted, verb) {
        (Acted::Done, ActWord::Retry) => "back in the queue".to_owned(),
        (Acted::Done, ActWord::Discard) => "discarded".to_owned(),
        (Acted::Done, ActWord::Snooze) => "snoozed".to_owned(),
        (Acted::Done, ActWord::Undo) => "open again".to_owned(),
        (Acted::Overtaken, _) => "back in the queue, and already retried".to_owned(),
        (Acted::Unknown, _) => "there is no such dead letter".to_owned(),
        (Acted::Is(state), ActWord::Undo) => {
            format!("it is {}: there is nothing to undo", state.as_str())
        }
        (Acted::Is(DeadLetterState::Retrying), _) => "it is being retried".to_owned(),
        (Acted::Is(state), _) => format!("it is {} already", state.as_str()),
        (Acted::Settled, _) => "its event has been processed since".to_owned(),
        (Acted::Replaced, _) => {
            "its event was dead-lettered again: see that dead letter".to_owned()
        }
        (Acted::Gone, _) => "its notification has been pruned".to_owned(),
        (Acted::NoPayload, _) => {
            "its body was not JSON and was not stored: resend the event in Stripe".to_owned()
        }
        (Acted::TakenBack, _) => "its retry was cancelled: it is open again".to_owned(),
    }
}

/// An action was refused, or Postgres failed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A discard without a reason.
    #[error("a discard needs a reason")]
    NoReason,
    /// A snooze whose end is in the past.
    #[error("a snooze has to end in the future")]
    Past,
    /// Retries spread over more than [`LONGEST_SPREAD`].
    #[error("retries can be spread over 24 hours at most")]
    TooFar,
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The filter with the default state of the action, if it has no state.
pub(in crate::ops) fn meant(verb: ActWord, filter: &Filter) -> Filter {
    let state = match verb {
        ActWord::Retry | ActWord::Discard | ActWord::Snooze => DeadLetterState::Open,
        ActWord::Undo => DeadLetterState::Discarded,
    };
    Filter { state: filter.state.or(Some(state)), ..filter.clone() }
}

/// Refuses arguments that are invalid for any dead letter.
pub(in crate::ops) fn check(act: Act, over: Duration, actor: Actor<'_>) -> Result<(), Refusal> {
    match act {
        Act::Discard if actor.reason.is_none_or(|reason| reason.trim().is_empty()) => {
            Err(Refusal::NoReason)
        }
        Act::Snooze { until } if until <= OffsetDateTime::now_utc() => Err(Refusal::Past),
        Act::Retry if over > LONGEST_SPREAD => Err(Refusal::TooFar),
        Act::Retry | Act::Discard | Act::Snooze { .. } | Act::Undo => Ok(()),
    }
}

/// Retries dead letters, each by itself, with a fresh budget of attempts: events by the queue,
/// notifications by the relay. All at once, or spread evenly `over` a time.
///
/// First the queue, then the mark: a crash between the two leaves an open dead letter whose job runs,
/// and a second retry of it is harmless. The other way round would leave a dead letter that seems to be
/// on its way and is not.
///
/// # Errors
/// Spread too far, or Postgres while dead letters were read; those before it are done.
pub async fn retry(
    store: &Store,
    producer: &Producer,
    ids: &[DeadLetterId],
    over: Duration,
    actor: Actor<'_>,
) -> Result<Vec<DeadLetterResult>, Refusal> {
    check(Act::Retry, over, actor)?;
    let mut results = Vec::with_capacity(ids.len());
    for (page, nth) in ids.chunks(PAGE).zip(0..) {
        let dead_letters = store.whole_dead_letters(page).await?;
        let unknown =
            page.iter().filter(|id| dead_letters.iter().all(|dead_letter| dead_letter.id != **id));
        let unknown = unknown.map(|id| DeadLetterResult::of(ActWord::Retry, *id, Acted::Unknown));
        results.extend(unknown);
        let dead_letters = spread(dead_letters, nth * PAGE, ids.len(), over);
        let mut prepared = prepare(dead_letters, Way::AsTheyCame);
        let queued = prepared.enqueue(producer).await;
        let refused = prepared.refused.iter();
        results.extend(refused.map(|(id, why)| DeadLetterResult::of(ActWord::Retry, *id, *why)));
        match queued {
            Ok(()) => results.extend(mark(store, &prepared.dead_letters, actor).await),
            Err(error) => {
                let error = error.chain();
                let message = format!("the queue did not take it: {error}");
                results.extend(all_failed(&prepared.dead_letters, "not_enqueued", &message));
            }
        }
    }
    Ok(in_order(results, ids))
}

/// The delay of each dead letter of a page, of which `before` come before them and which are
/// `total` in all.
pub(in crate::ops) fn spread(
    dead_letters: Vec<DeadLetter>,
    before: usize,
    total: usize,
    over: Duration,
) -> Vec<(DeadLetter, Duration)> {
    let wait = |nth: usize| {
        let nth = u32::try_from(nth.min(total)).unwrap_or(u32::MAX);
        let total = u32::try_from(total.max(1)).unwrap_or(u32::MAX);
        over.mul_f64(f64::from(nth) / f64::from(total))
    };
    dead_letters
        .into_iter()
        .zip(before..)
        .map(|(dead_letter, nth)| (dead_letter, wait(nth)))
        .collect()
}

async fn mark(store: &Store, dead_letters: &[ActedOn], actor: Actor<'_>) -> Vec<DeadLetterResult> {
    if dead_letters.is_empty() {
        return Vec::new();
    }
    match store.act(Act::Retry, dead_letters, actor).await {
        Ok(acted) => acted
            .into_iter()
            .map(|(id, acted)| DeadLetterResult::of(ActWord::Retry, id, acted))
            .collect(),
        Err(error) => {
            let error = failure::chain(&error).join(": ");
            let message = format!("back in the queue, but not marked so: {error}");
            all_failed(dead_letters, "not_marked", &message)
        }
    }
}

fn all_failed(
    dead_letters: &[ActedOn],
    result: &'static str,
    message: &str,
) -> Vec<DeadLetterResult> {
    let failed = |on: &ActedOn| DeadLetterResult {
        id: on.id,
        ok: false,
        result,
        message: message.to_owned(),
    };
    dead_letters.iter().map(failed).collect()
}

/// In the order given; an id that is given twice is reported once.
fn in_order(mut results: Vec<DeadLetterResult>, ids: &[DeadLetterId]) -> Vec<DeadLetterResult> {
    let place: std::collections::HashMap<_, _> =
        ids.iter().rev().zip((0..ids.len()).rev()).map(|(id, nth)| (*id, nth)).collect();
    results.sort_by_key(|result| place.get(&result.id).copied());
    results.dedup_by_key(|result| result.id);
    results
}

/// Discards dead letters, each by itself: closes them without processing. They are kept, with the reason.
///
/// # Errors
/// No reason is given, or Postgres; those before it are done.
pub async fn discard(
    store: &Store,
    ids: &[DeadLetterId],
    actor: Actor<'_>,
) -> Result<Vec<DeadLetterResult>, Refusal> {
    act(store, Act::Discard, ids, actor).await
}

/// Snoozes open dead letters: hides them until a time.
///
/// # Errors
/// That is in the past, or Postgres; those before it are done.
pub async fn snooze(
    store: &Store,
    ids: &[DeadLetterId],
    until: OffsetDateTime,
    actor: Actor<'_>,
) -> Result<Vec<DeadLetterResult>, Refusal> {
    act(store, Act::Snooze { until }, ids, actor).await
}

/// Reopens discarded or snoozed dead letters. Refuses one that was removed since (`[retention]`), or whose
/// event has been processed since.
///
/// # Errors
/// Postgres; those before it are done.
pub async fn undo(
    store: &Store,
    ids: &[DeadLetterId],
    actor: Actor<'_>,
) -> Result<Vec<DeadLetterResult>, Refusal> {
    act(store, Act::Undo, ids, actor).await
}

async fn act(
    store: &Store,
    act: Act,
    ids: &[DeadLetterId],
    actor: Actor<'_>,
) -> Result<Vec<DeadLetterResult>, Refusal> {
    check(act, Duration::ZERO, actor)?;
    let mut results = Vec::with_capacity(ids.len());
    let mut distinct = ids.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    for page in distinct.chunks(PAGE) {
        let on: Vec<_> = page.iter().map(|id| ActedOn::from(*id)).collect();
        let acted = store.act(act, &on, actor).await?;
        results.extend(acted.into_iter().map(|(id, it)| DeadLetterResult::of(act.word(), id, it)));
    }
    Ok(in_order(results, ids))
}
