//! From an answer to what is written: pure functions over the rules.

use std::time::Duration;

use serde_json::Value;

use super::error::ReconcileError;
use super::task::{EventTask, OpenTask, Task};
use crate::domain::access::Word;
use crate::domain::event::Timestamp;
use crate::domain::failure::{Class, Failure};
use crate::domain::id::EventId;
use crate::domain::kinds::account::AccountObserved;
use crate::domain::lag;
use crate::domain::notification;
use crate::domain::object::{self, Kind, KindMismatch, Observed, Recorded, Row, Subject};
use crate::domain::plan::Next;
use crate::domain::transition::Move;
use crate::redaction::{Redacted, Rules};
use crate::store::{Attempt, Change, NewState, Outcome, Publishing, Release, SettledEvent};
use crate::stripe_api::{Fetched, FetchedState};

/// The newest of the tasks whose event says that our access was taken.
pub(super) fn taken<'a>(open: &[&OpenTask<'a>]) -> Option<&'a Task> {
    let tasks = open.iter().map(|it| it.task);
    tasks.filter(|task| task.word() == Some(Word::Taken)).max_by_key(|task| task.created())
}

/// The event that caused the fetch: the newest of those that asked for it. An event that the row covers has
/// no part in it.
pub(super) fn cause(open: &[&OpenTask<'_>]) -> Option<EventId> {
    let asked = open.iter().filter(|it| it.next == Next::Fetch).map(|it| it.task);
    asked.max_by_key(|task| task.created()).and_then(Task::cause).cloned()
}

/// What becomes of the notifications of the change that an answer makes: they are published if one of the tasks that
/// asked for it publishes them.
pub(super) fn publishing(open: &[&OpenTask<'_>]) -> Publishing {
    let mut asked = open.iter().filter(|it| it.next == Next::Fetch).map(|it| it.task.publishing());
    let first = asked.next().unwrap_or_default();
    if asked.all(|other| other == first) { first } else { Publishing::Publish }
}

/// The publication of what a backfill has withheld of an object, where one of these tasks would have published the
/// same without that backfill.
pub(super) fn release<'a>(
    subject: &Subject,
    withheld: Option<Timestamp>,
    tasks: impl Iterator<Item = &'a Task>,
    margin: i64,
) -> Option<Release> {
    let seen_by = withheld?;
    let first =
        tasks.filter(|task| task.tells_of(seen_by, margin)).min_by_key(|it| it.created())?;
    Some(Release { subject: subject.clone(), cause: first.cause().cloned() })
}

/// Whether the tasks end our access: Stripe refused it, or an event says so and Stripe need not be asked.
pub(super) fn closes(open: &[&OpenTask<'_>], refused: bool) -> bool {
    refused || open.iter().any(|it| it.next == Next::Close)
}

/// The account took our access back: its row says so, and keeps what was last seen.
pub(super) fn close(
    subject: &Subject,
    row: Option<&Row>,
    taken: &Task,
    rules: &Rules,
) -> Result<Change, ReconcileError> {
    let recorded = row.and_then(|row| row.recorded.as_ref());
    let before = match recorded {
        Some(Recorded::Account(before)) => Some(before),
        _ => None,
    };
    let observed = Observed::Account(Box::new(AccountObserved::deauthorized(before)));
    let (transition, notifications) = object::decide(recorded, &observed)?;
    let raw = match row {
        Some(_) => Redacted::default(),
        None => rules.redact(serde_json::json!({ "id": subject.id.as_str(), "object": "account" })),
    };
    Ok(Change {
        subject: subject.clone(),
        expected_version: row.map_or(0, |row| row.version),
        observed_at: row.map_or(taken.created(), |row| row.observed_at.max(taken.created())),
        seen_by: row.map_or(taken.created(), |row| row.seen_by.max(taken.created())),
        state: NewState::Present { observed, transition, notifications, raw },
        cause: taken.cause().cloned(),
        publishing: Publishing::Publish,
    })
}

/// The change that an answer makes of the row.
pub(super) fn decide(
    subject: &Subject,
    row: Option<&Row>,
    fetched: Fetched,
    cause: Option<EventId>,
) -> Result<Change, KindMismatch> {
    let state = match fetched.state {
        FetchedState::Deleted => NewState::Deleted,
        FetchedState::Present { observed, raw } => {
            let recorded = row.and_then(|row| row.recorded.as_ref());
            let (transition, notifications) = object::decide(recorded, &observed)?;
            NewState::Present { observed, transition, notifications, raw }
        }
    };
    Ok(Change {
        subject: subject.clone(),
        expected_version: row.map_or(0, |row| row.version),
        // Both are lower bounds of when this fetch began: it began after the row was read, and so
        // after the row's own fetch. A slow answer must not take the better one back.
        observed_at: row
            .map_or(fetched.observed_at, |row| row.observed_at.max(fetched.observed_at)),
        seen_by: row.map_or(fetched.seen_by, |row| row.seen_by.max(fetched.seen_by)),
        state,
        cause,
        publishing: Publishing::Publish,
    })
}

/// Outcome of an open task. `change`: what the round writes of its object; none where it writes none.
pub(super) fn outcome(open: &OpenTask<'_>, change: Option<&Change>) -> Outcome {
    let (step, word) = (open.next, open.task.word());
    match (change.map(|change| &change.state), step) {
        (Some(NewState::Deleted), _) | (None, Next::Gone) => Outcome::Gone,
        // Other events of the round have nothing left to fetch when one says that our access was taken, unless
        // the row covered them.
        (Some(state), step) if ends_access(state) && word != Some(Word::Taken) => match step {
            Next::Covered => Outcome::Covered,
            Next::Gone => Outcome::Gone,
            Next::Fetch | Next::Close | Next::Closed => Outcome::Deauthorized,
        },
        (Some(NewState::Present { .. }), Next::Covered) => Outcome::Covered,
        (Some(NewState::Present { .. }), _) => change.map_or(Outcome::Unchanged, outcome_of_change),
        (None, Next::Covered) => Outcome::Covered,
        // A fetch without a change was refused in an account that is closed to us.
        (None, Next::Fetch | Next::Close | Next::Closed) => Outcome::Deauthorized,
    }
}

/// Outcome of a change of the row.
pub(super) fn outcome_of_change(change: &Change) -> Outcome {
    match &change.state {
        NewState::Deleted => Outcome::Gone,
        NewState::Present { transition, .. } if transition.is_change() => Outcome::Applied,
        // The first sight of an object that has no status.
        NewState::Present { .. } if change.expected_version == 0 => Outcome::Applied,
        NewState::Present { .. } => Outcome::Unchanged,
    }
}

/// Whether what was seen has a status from before the one in the row: both are known to our state
/// machine, and it knows no way from the one in the row to it.
pub(super) fn is_impossible(kind: Kind, row: &Row, observed: &Observed) -> bool {
    let Ok((transition, _)) = object::decide(row.recorded.as_ref(), observed) else { return false };
    transition.from.is_some_and(|from| lag::is_older(kind, &from, &transition.to))
}

/// Whether the object that an event carries has a status that comes after the one in the row.
pub(super) fn is_ahead(kind: Kind, row: &Row, carried: &Value) -> bool {
    let Ok(observed) = Observed::read(kind, carried) else { return false };
    let Ok((transition, _)) = object::decide(row.recorded.as_ref(), &observed) else {
        return false;
    };
    transition.from.is_some_and(|from| lag::is_older(kind, &transition.to, &from))
}

/// Whether the change is one that our state machine thinks impossible.
pub(super) fn is_anomalous(change: &Change) -> bool {
    match &change.state {
        NewState::Present { transition, .. } => transition.kind == Move::Anomalous,
        NewState::Deleted => false,
    }
}

fn ends_access(state: &NewState) -> bool {
    match state {
        NewState::Present { observed: Observed::Account(observed), .. } => {
            matches!(**observed, AccountObserved::Deauthorized { .. })
        }
        NewState::Present { .. } | NewState::Deleted => false,
    }
}

/// Remark of an attempt whose answer stayed older than its event, and was taken all the same.
pub(super) fn remark(field: &str) -> Failure {
    Failure {
        class: Class::TooEarly { again_after: Duration::ZERO },
        code: "answer_behind_event".to_owned(),
        chain: vec![format!(
            "Stripe's answer is older than its event, by `{field}`, and stayed so for as long as \
             reconcile.read_lag; it was taken"
        )],
        request_id: None,
        should_retry: None,
    }
}

/// Remark of an attempt on an object with a list that goes on beyond what was read of it.
pub(super) fn cut_short(field: &str) -> Failure {
    Failure {
        class: Class::Permanent,
        code: "list_cut_short".to_owned(),
        chain: vec![format!("`{field}` goes on beyond what is kept of it: see its `has_more`")],
        request_id: None,
        should_retry: None,
    }
}

/// An event at its end, as it is written.
pub(super) fn settled_event(
    task: &EventTask,
    outcome: Outcome,
    request_id: Option<String>,
    remark: Option<Failure>,
) -> SettledEvent {
    let duration_ms = i64::try_from(task.started.elapsed().as_millis()).unwrap_or(i64::MAX);
    SettledEvent {
        event: task.event.clone(),
        occurrences: notification::occurrence(&task.event.event_type).into_iter().collect(),
        outcome,
        receipt: task.receipt.clone(),
        attempt: Attempt {
            number: task.attempt,
            started_at_ms: task.started_at_ms,
            duration_ms,
            worker: task.worker.clone(),
            request_id,
            trace_id: task.trace_id.clone(),
            failure: remark,
        },
    }
}
