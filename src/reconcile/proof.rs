//! Rules of evidence: which answers, refusals and snapshots prove what is so at Stripe.
//!
//! Called by a round, with Stripe's answer and the tasks that asked for it. Three questions: does a missing object
//! prove a deletion; does an answer lag behind what is known already; does an event say enough by itself. It
//! must never write anything.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;

use super::decision;
use super::error::{Fault, ReconcileError};
use super::task::{self, OpenTask, Task, asking};
use crate::domain::access::Word;
use crate::domain::event::{Event, Timestamp};
use crate::domain::event_types;
use crate::domain::id::EventId;
use crate::domain::lag::{self, Arrival, Comparison, DOUBTED_FOR, FieldValue, Fields};
use crate::domain::object::{self, Kind, Row, Subject};
use crate::domain::plan::{self, Next, Snapshot};
use crate::domain::transition::Move;
use crate::redaction::{Redacted, Rules};
use crate::store::{Known, Store};
use crate::stripe_api::{self, Client, Fetched, FetchedState, Refusal, StripeError};

// A missing object: does it prove a deletion?

/// What a task that asked for an object says, as far as it matters when there is none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asker<'a> {
    /// Its event says that the object was deleted.
    tells_deletion: bool,
    /// Its event tells of what may leave nothing to be seen behind.
    expects_absence: bool,
    /// The event that made us ask, and when it was made, if Stripe has it among those of its first API.
    led_here: Option<(&'a EventId, Timestamp)>,
    /// When that event came; none where there is none, or where how long ago does not matter.
    arrival: Option<Arrival>,
}

impl<'a> Asker<'a> {
    pub(super) fn of(task: &'a Task, subject: &Subject) -> Self {
        Self {
            tells_deletion: task.tells_deletion_of(subject),
            expects_absence: task.expects_absence(),
            led_here: task.led_here(),
            arrival: task.arrival(),
        }
    }

    /// A look, without a task, at what an event is about.
    pub(super) fn of_event(event: &'a Event, subject: &Subject) -> Self {
        Self {
            tells_deletion: task::tells_deletion(event, subject),
            expects_absence: task::expects_absence(event),
            led_here: task::led_here(event),
            arrival: None,
        }
    }
}

/// Judges the answer to a fetch that these asked for. Where there is no object, each of them has a fault of
/// its own, in their order: what its event proves, it proves for that event alone.
///
/// A tombstone is for good, and a key of the wrong account finds no object at all; so a 404 alone deletes
/// nothing. Together with an event that says so, it does. Where that event may still be on its way, the job is
/// tried again until it has come; and what
/// [detaching deletes](is_deleted_by_detaching) has no such event, so that it is enough that the key is the
/// right one. An object whose event is younger than `read_lag` may not have reached Stripe's API yet.
pub(super) async fn judge(
    stripe: &Client,
    subject: &Subject,
    askers: &[Asker<'_>],
    answer: Result<Fetched, StripeError>,
    read_lag: Duration,
) -> Result<Fetched, Vec<Fault>> {
    let error = match answer {
        Ok(fetched) => return Ok(fetched),
        Err(error) => error,
    };
    let all = |error: ReconcileError| vec![Fault::from(error); askers.len()];
    if askers.iter().any(|asker| asker.tells_deletion) {
        return error.into_deleted().map_err(|error| all(error.into()));
    }
    if let Some(missing) = error.missing() {
        let mut faults = Vec::with_capacity(askers.len());
        for asker in askers {
            match explain(stripe, subject, asker, missing, read_lag).await {
                Explained::Gone => return error.into_deleted().map_err(|error| all(error.into())),
                Explained::Fault(fault) => faults.push(Fault::from(fault)),
            }
        }
        return Err(faults);
    }
    // No money depends on a mirrored kind: a key that was never meant to read it must not stop
    // the work on all others, as it rightly does for a kind that the tables are made of.
    if error.is_forbidden() && subject.kind.mirror().is_some() {
        return Err(all(ReconcileError::NotPermitted(error)));
    }
    Err(all(error.into()))
}

/// Why there is no object, for one asker.
enum Explained {
    /// It is gone for good.
    Gone,
    Fault(ReconcileError),
}

async fn explain(
    stripe: &Client,
    subject: &Subject,
    asker: &Asker<'_>,
    missing: &Refusal,
    read_lag: Duration,
) -> Explained {
    let now = missing.looked_at();
    if let Some(led_here) = asker.led_here
        && let Err(error) = check_account(stripe, subject, led_here, now).await
    {
        return Explained::Fault(error);
    }
    let error = StripeError::from(missing.clone());
    let silent = asker.led_here.is_some() && is_deleted_by_detaching(subject);
    let waits = asker.arrival.filter(|_| !(silent && asker.expects_absence)).zip(now);
    Explained::Fault(
        match waits.and_then(|(arrival, now)| lag::again_after(arrival.age(now), read_lag)) {
            Some(again_after) => ReconcileError::NotYetThere { again_after, error },
            None if silent => return Explained::Gone,
            None if event_types::is_deletable(subject.kind.as_str()) => {
                ReconcileError::PerhapsDeleted(error)
            }
            None => error.into(),
        },
    )
}

/// Cards and sources of the time before PaymentMethods (`card_...`, `src_...`, `ba_...`) appear as
/// payment methods too. Detaching one of those deletes it, and what answers from then on is a 404
/// (docs.stripe.com, "Compatible payment method types"), or a 400: see [`detached`]. No event says that it
/// was deleted.
fn is_deleted_by_detaching(subject: &Subject) -> bool {
    subject.kind == Kind::PaymentMethod && !subject.id.as_str().starts_with("pm_")
}

/// Takes a 400 for a deletion, where an event of the round says that the payment method was detached and
/// [detaching deletes it](is_deleted_by_detaching): Stripe then says that the source is not attached to a
/// customer. The request holds nothing but the id, and an account that is not ours would answer 404.
pub(super) fn detached(
    subject: &Subject,
    was_detached: bool,
    answer: Result<Fetched, StripeError>,
) -> Result<Fetched, StripeError> {
    if was_detached && is_deleted_by_detaching(subject) {
        answer.or_else(StripeError::invalid_into_deleted)
    } else {
        answer
    }
}

/// Stripe keeps an event for 30 days (docs.stripe.com, "Retrieve an event"); a day less, for the time
/// on the way.
const KEPT_SECONDS: i64 = 29 * 24 * 3600;

/// Finds out whether it is the account that is wrong, and not the object that is missing: a key of
/// another account opens its door as well, and finds nothing behind it. Then Stripe does not know
/// the event either that led here, although it must have sent it.
///
/// `led_here`: the event and when it was made; `now`: when Stripe said that there is no such object.
/// Where the event cannot tell, because it is too old or the key may not read events, nothing is
/// found.
async fn check_account(
    stripe: &Client,
    subject: &Subject,
    led_here: (&EventId, Timestamp),
    now: Option<Timestamp>,
) -> Result<(), ReconcileError> {
    let (event, created) = led_here;
    if now.is_none_or(|now| created < now - KEPT_SECONDS) {
        return Ok(());
    }
    match stripe.event(&subject.scope, event).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_missing() => Err(ReconcileError::WrongAccount(error)),
        Err(error) if error.is_forbidden() || error.is_access_lost() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

// An answer that lags: `domain::lag` has the rule. Here its witnesses are read, out of what the events carry and
// the row's JSON, and it is decided for the round as a whole: an answer that is older than one event in it is
// written for none of them, since the row would then say that it knows what was so when it was written.

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

/// A reason to doubt an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Objection {
    field: &'static str,
    /// Whether it is a proof.
    proved: bool,
    /// The age of what the answer contradicts.
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

/// The field in which an answer stayed older than its event, if it did.
pub(super) type Behind = Option<&'static str>;

/// Holds an answer against the events that asked for it and against the row. For each open task: the
/// field in which the answer is older than its event, though it was asked for again and again.
///
/// # Errors
/// [`ReconcileError::Lagging`]: it is to be asked for again. Or Postgres failed.
pub(super) async fn check_lag(
    store: &Store,
    read_lag: Duration,
    subject: &Subject,
    known: &Known,
    open: &[&OpenTask<'_>],
    fetched: &Fetched,
) -> Result<Vec<Behind>, ReconcileError> {
    let none = vec![None; open.len()];
    let rules = store.rules();
    let FetchedState::Present { raw, .. } = &fetched.state else { return Ok(none) };
    // The later bound makes everything a little older than it is.
    let now = fetched.seen_by;
    let objections: Vec<_> =
        open.iter().map(|open| of_event(subject, open, raw, now, rules)).collect();
    let of_row = match (&known.row, asking(open).map(|it| it.task.wanted_for()).min()) {
        (Some(row), Some(wanted_for)) => {
            let shown = open.iter().any(|it| it.task.shows(subject, rules));
            of_row(store, read_lag, subject, row, wanted_for, shown, fetched).await?
        }
        (Some(_) | None, None) | (None, Some(_)) => None,
    };
    match verdict(objections.iter().flatten().chain(&of_row).copied(), read_lag) {
        Some(again) => Err(lagging(again, fetched)),
        None if read_lag.is_zero() => Ok(none),
        None => Ok(objections
            .into_iter()
            .map(|found| found.filter(|it| it.proved).map(|it| it.field))
            .collect()),
    }
}

/// Holds an answer against the row alone: no event asked for it, and its caller came `wanted_for` ago.
///
/// # Errors
/// As [`check_lag`].
pub(super) async fn check_row(
    store: &Store,
    read_lag: Duration,
    subject: &Subject,
    row: &Row,
    wanted_for: Duration,
    fetched: &Fetched,
) -> Result<(), ReconcileError> {
    let of_row = of_row(store, read_lag, subject, row, wanted_for, false, fetched).await?;
    match verdict(of_row.iter().copied(), read_lag) {
        Some(again) => Err(lagging(again, fetched)),
        None => Ok(()),
    }
}

fn lagging((field, again_after): (&'static str, Duration), fetched: &Fetched) -> ReconcileError {
    ReconcileError::Lagging { field, again_after, request_id: fetched.request_id.clone() }
}

/// Holds the answer against the row, where that was written a moment ago: an answer that was read since may
/// still be older. It is asked about for as long as the row is young, or until it has been `wanted_for` long
/// enough. `shown`: an event or an answer shows the object itself, and is its witness.
async fn of_row(
    store: &Store,
    read_lag: Duration,
    subject: &Subject,
    row: &Row,
    wanted_for: Duration,
    shown: bool,
    fetched: &Fetched,
) -> Result<Option<Objection>, ReconcileError> {
    let FetchedState::Present { observed, raw } = &fetched.state else { return Ok(None) };
    if read_lag.is_zero() {
        return Ok(None);
    }
    let since_row = Arrival { created: Some(row.seen_by), received_ago: wanted_for };
    let age = since_row.age(fetched.seen_by);
    let objection = |field, proved| Some(Objection { field, proved, age });
    if age < read_lag && decision::is_impossible(subject.kind, row, observed) {
        return Ok(objection("status", true));
    }
    if age >= DOUBTED_FOR {
        return Ok(None);
    }
    let Some(kept) = store.kept(subject, row.version).await? else { return Ok(None) };
    // An answer that merely differs from the row is most likely the later one: something asked for it.
    // Where no event shows the object, a permission that is lost has no other witness.
    Ok(match lag::compare(subject.kind, &Json(&kept), &Json(raw), true) {
        Comparison::Older(field) => objection(field, true),
        Comparison::UpToDate | Comparison::Doubtful(_) if shown => None,
        Comparison::UpToDate | Comparison::Doubtful(_) => {
            lag::taken_away(subject.kind, &Json(&kept), &Json(raw))
                .and_then(|field| objection(field, false))
        }
    })
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

/// What an event says against an answer.
fn of_event(
    subject: &Subject,
    open: &OpenTask<'_>,
    answer: &Value,
    now: Timestamp,
    rules: &Rules,
) -> Option<Objection> {
    let ends_access = open.task.word() == Some(Word::Taken);
    if open.next != Next::Fetch && !(open.next == Next::Close && ends_access) {
        return None;
    }
    let age = open.task.arrival()?.age(now);
    let objection = |field, proved| Some(Objection { field, proved, age });
    // From then on each read is refused.
    if ends_access {
        return objection("access", true);
    }
    if open.task.tells_deletion_of(subject) {
        return objection("deleted", true);
    }
    let version = open.task.api_version()?;
    let task::Carried { object, previous } = open.task.carried(rules)?;
    if object["object"] != answer["object"] || object["id"] != subject.id.as_str() {
        return None;
    }
    let same_version = version == stripe_api::api_version();
    match lag::compare(subject.kind, &Json(object), &Json(answer), same_version) {
        Comparison::Older(field) => objection(field, true),
        Comparison::UpToDate | Comparison::Doubtful(_) if !same_version => None,
        // It says what has changed, so nothing has to be guessed.
        Comparison::UpToDate | Comparison::Doubtful(_) if previous.is_object() => {
            shows_before(previous, object, answer).then_some(())?;
            objection("previous_attributes", false)
        }
        Comparison::UpToDate => None,
        // An answer to a command that merely differs is the earlier one, most likely.
        Comparison::Doubtful(_) if open.task.event().is_none() => None,
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

// An event's snapshot: does it say enough by itself?

/// What the snapshots of events prove.
pub(super) enum SnapshotProof<'a> {
    /// This is so.
    Newer(Fetched),
    /// What `newest` shows is so if the row holds each of these.
    IfRecorded { snapshots: Vec<&'a Redacted>, newest: &'a Task },
}

/// Reads the snapshots of the events that would have Stripe asked. `believed`: those of this kind are
/// believed where they are newer than the row. `None`: Stripe has to be asked.
///
/// Neither proof can take a row backwards. Where the row or the event may be the newer one, both may say the
/// *same*: then the row is written once more as it is, which raises its version, so that a fetch that began
/// before cannot overwrite it. And where the event was made after the last fetch had ended, it is *newer*.
pub(super) fn by_snapshots<'a>(
    subject: &Subject,
    row: Option<&Row>,
    open: &[&OpenTask<'a>],
    margin: i64,
    believed: bool,
    rules: &Rules,
) -> Option<SnapshotProof<'a>> {
    let tasks: Vec<&Task> = asking(open).map(|it| it.task).collect();
    // In the event that tells of its deletion, an object looks as it did when it was there.
    if tasks.iter().any(|task| task.tells_deletion_of(subject)) {
        return None;
    }
    let good_for = |task: &&Task| plan::snapshot(row, task.created(), margin);
    match tasks.as_slice() {
        // Of several, it is not known which is the last.
        [task] if good_for(task) == Snapshot::Newer => {
            // What was new when it was given up says little of now, and may be all that comes.
            let shown = (believed && task.is_fresh()).then(|| shown_by(subject, task, rules))??;
            is_known_move(row, &shown).then_some(SnapshotProof::Newer(shown))
        }
        all if all.iter().all(|task| good_for(task) == Snapshot::Compare) => {
            let snapshots = all.iter().map(|task| task.snapshot(rules)).collect::<Option<_>>()?;
            let newest = all.iter().max_by_key(|task| task.created())?;
            Some(SnapshotProof::IfRecorded { snapshots, newest })
        }
        _ => None,
    }
}

/// What an event shows of the object, if it is about it and can be read.
pub(super) fn shown_by(subject: &Subject, task: &Task, rules: &Rules) -> Option<Fetched> {
    Fetched::told(subject, task.snapshot(rules)?.clone(), task.created())
}

/// Whether the state machine knows the move. One that it does not know is applied only after a look at the
/// object itself.
fn is_known_move(row: Option<&Row>, shown: &Fetched) -> bool {
    let FetchedState::Present { observed, .. } = &shown.state else { return false };
    let recorded = row.and_then(|row| row.recorded.as_ref());
    object::decide(recorded, observed).is_ok_and(|(step, _)| step.kind != Move::Anomalous)
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
