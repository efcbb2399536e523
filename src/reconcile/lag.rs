//! Whether an answer lags behind what is known already: the events that asked for it, and the row.
//!
//! `domain::lag` has the rule. Here its witnesses are read, out of the events' bodies and the row's JSON,
//! and it is decided for the flight as a whole: an answer that is older than one event in it is written
//! for none of them, since the row would then say that it knows what was so when it was written.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;

use super::decision::{self, Case};
use super::error::ReconcileError;
use super::flight::Inner;
use crate::domain::access::Word;
use crate::domain::event::Timestamp;
use crate::domain::lag::{self, Arrival, Comparison, DOUBTED_FOR, FieldValue, Fields};
use crate::domain::object::{Row, Subject};
use crate::domain::plan::Next;
use crate::envelope::Carried;
use crate::redaction::Rules;
use crate::store::Known;
use crate::stripe_api::{self, Fetched, FetchedState};

/// An object's JSON, read field by field.
struct Json<'a>(&'a Value);

impl Fields for Json<'_> {
    fn field(&self, path: &str) -> FieldValue<'_> {
        // Of a list that goes on, an event shows the beginning and an answer all.
        let found = path.split('.').try_fold(self.0, |value, key| {
            value.get(key).filter(|_| value.get("has_more") != Some(&Value::Bool(true)))
        });
        match found {
            None => FieldValue::Absent,
            Some(Value::Null) => FieldValue::Null,
            Some(Value::Bool(flag)) => FieldValue::Flag(*flag),
            Some(Value::String(text)) => FieldValue::Text(Cow::Borrowed(text)),
            Some(Value::Number(number)) => number
                .as_i64()
                .map_or_else(|| FieldValue::Other(number.to_string()), FieldValue::Number),
            // An object in the place of its id says the same as the id.
            Some(value) => match value.get("id").and_then(Value::as_str) {
                Some(id) => FieldValue::Text(Cow::Borrowed(id)),
                None => FieldValue::Other(value.to_string()),
            },
        }
    }
}

/// What speaks against an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Objection {
    field: &'static str,
    /// Whether it is a proof.
    proved: bool,
    /// How old that is which it contradicts.
    age: Duration,
}

impl Objection {
    fn limit(&self, read_lag: Duration) -> Duration {
        if self.proved { read_lag } else { DOUBTED_FOR.min(read_lag) }
    }

    /// When to look again; `None`: it has been asked about for long enough.
    fn again_after(&self, read_lag: Duration) -> Option<Duration> {
        let limit = self.limit(read_lag);
        let next = lag::again_after(self.age, limit)?;
        // One more look settles a doubt; that one is made when the doubt would be over.
        Some(if self.proved { next } else { limit.saturating_sub(self.age) })
    }
}

/// What is written of an answer that stayed older than its event.
pub(super) type Behind = Option<&'static str>;

impl Inner {
    /// Holds an answer against the events that asked for it and against the row. For each open case: the
    /// field in which the answer is older than its event, though it was asked for again and again.
    ///
    /// # Errors
    /// [`ReconcileError::Lagging`]: it is to be asked for again. Or Postgres failed.
    pub(super) async fn check_lag(
        &self,
        subject: &Subject,
        known: &Known,
        open: &[&Case<'_>],
        fetched: &Fetched,
    ) -> Result<Vec<Behind>, ReconcileError> {
        let none = vec![None; open.len()];
        let rules = self.store.rules();
        let FetchedState::Present { raw, .. } = &fetched.state else { return Ok(none) };
        // The later bound makes everything a little older than it is.
        let now = fetched.seen_by;
        let objections: Vec<_> =
            open.iter().map(|case| of_event(subject, case, raw, now, rules)).collect();
        let of_row = match &known.row {
            Some(row) if !self.read_lag.is_zero() => {
                self.of_row(subject, row, open, fetched).await?
            }
            Some(_) | None => None,
        };
        match verdict(objections.iter().flatten().chain(&of_row).copied(), self.read_lag) {
            Some((field, again_after)) => Err(ReconcileError::Lagging {
                field,
                again_after,
                request_id: fetched.request_id.clone(),
            }),
            None if self.read_lag.is_zero() => Ok(none),
            None => Ok(objections
                .into_iter()
                .map(|found| found.filter(|it| it.proved).map(|it| it.field))
                .collect()),
        }
    }

    /// Holds the answer against the row, where that was written a moment ago: what was read since may be
    /// older.
    async fn of_row(
        &self,
        subject: &Subject,
        row: &Row,
        open: &[&Case<'_>],
        fetched: &Fetched,
    ) -> Result<Option<Objection>, ReconcileError> {
        let FetchedState::Present { observed, raw } = &fetched.state else { return Ok(None) };
        let asking = open.iter().filter(|case| case.next == Next::Fetch);
        let ages = asking.filter_map(|case| Some(case.task.arrival()?.received_ago));
        // A look that no event asked for writes what it sees.
        let Some(received_ago) = ages.min() else { return Ok(None) };
        let age = Arrival { created: Some(row.seen_by), received_ago }.age(fetched.seen_by);
        let objection = |field, proved| Some(Objection { field, proved, age });
        if age < self.read_lag && decision::is_impossible(subject.kind, row, observed) {
            return Ok(objection("status", true));
        }
        if age >= DOUBTED_FOR {
            return Ok(None);
        }
        let Some(kept) = self.store.kept(subject, row.version).await? else { return Ok(None) };
        // An answer that merely differs from the row is most likely the later one: an event asked for it.
        // Where no such event shows the object, a permission that is lost has no other witness.
        Ok(match lag::compare(subject.kind, &Json(&kept), &Json(raw), true) {
            Comparison::Older(field) => objection(field, true),
            Comparison::UpToDate | Comparison::Doubtful(_)
                if open.iter().any(|case| case.task.shows(subject)) =>
            {
                None
            }
            Comparison::UpToDate | Comparison::Doubtful(_) => {
                lag::taken_away(subject.kind, &Json(&kept), &Json(raw))
                    .and_then(|field| objection(field, false))
            }
        })
    }
}

/// Whether to look again, because of which field, and when. One that has been asked about long enough
/// ends it for all: its event must not wait for others that keep coming.
fn verdict(
    objections: impl Iterator<Item = Objection> + Clone,
    read_lag: Duration,
) -> Option<(&'static str, Duration)> {
    for proved in [true, false] {
        let of = objections.clone().filter(|it| it.proved == proved);
        let waits = of.map(|it| it.again_after(read_lag).map(|after| (it.field, after)));
        let waits: Vec<_> = waits.collect::<Option<_>>()?;
        if let Some(first) = waits.into_iter().min_by_key(|(_, after)| *after) {
            return Some(first);
        }
    }
    None
}

/// What an event has against an answer.
fn of_event(
    subject: &Subject,
    case: &Case<'_>,
    answer: &Value,
    now: Timestamp,
    rules: &Rules,
) -> Option<Objection> {
    let ends_access = case.task.word() == Some(Word::Taken);
    if case.next != Next::Fetch && !(case.next == Next::Close && ends_access) {
        return None;
    }
    let age = case.task.arrival()?.age(now);
    let objection = |field, proved| Some(Objection { field, proved, age });
    // From then on each read is refused.
    if ends_access {
        return objection("access", true);
    }
    if case.task.tells_deletion_of(subject) {
        return objection("deleted", true);
    }
    let (carried, version) = case.task.carried(rules)?;
    let Carried { object, previous } = carried;
    if object["object"] != answer["object"] || object["id"] != subject.id.as_str() {
        return None;
    }
    let same_version = version == stripe_api::api_version();
    match lag::compare(subject.kind, &Json(&object), &Json(answer), same_version) {
        Comparison::Older(field) => objection(field, true),
        Comparison::UpToDate | Comparison::Doubtful(_) if !same_version => None,
        // It says what has changed, so nothing has to be guessed.
        Comparison::UpToDate | Comparison::Doubtful(_) if previous.is_object() => {
            shows_before(&previous, &object, answer).then_some(())?;
            objection("previous_attributes", false)
        }
        Comparison::UpToDate => None,
        Comparison::Doubtful(field) => objection(field, false),
    }
}

/// Whether an answer shows, of something that an event says has changed, what it was before.
fn shows_before(previous: &Value, object: &Value, answer: &Value) -> bool {
    let Some(fields) = previous.as_object() else { return false };
    fields.iter().any(|(name, was)| match (object.get(name), answer.get(name)) {
        (Some(became), Some(is)) if was.is_object() && became.is_object() => {
            shows_before(was, became, is)
        }
        (Some(became), Some(is)) => was != became && is == was,
        (None, _) | (_, None) => false,
    })
}

#[cfg(test)]
#[path = "lag_tests.rs"]
mod tests;
