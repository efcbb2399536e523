//! What it means that Stripe has no such object, or does not let us see it.

use std::time::Duration;

use super::error::{Fault, ReconcileError};
use super::task::{self, Task};
use crate::domain::event::{Event, Timestamp};
use crate::domain::event_types;
use crate::domain::id::EventId;
use crate::domain::lag::{self, Arrival};
use crate::domain::object::{Kind, Subject};
use crate::stripe_api::{Client, Fetched, Refusal, StripeError};

/// One who asked for an object, as far as it matters when there is none.
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

    /// Somebody who only looks, at what an event is about.
    pub(super) fn of_event(event: &'a Event, subject: &Subject) -> Self {
        Self {
            tells_deletion: task::tells_deletion(event, subject),
            expects_absence: task::expects_absence(event),
            led_here: task::led_here(event),
            arrival: None,
        }
    }
}

/// Judges the answer to a fetch that these asked for. Where there is no object, each of them is told by
/// itself, in their order: what its event proves, it proves for that event alone.
///
/// A tombstone is for good, and a key of the wrong account finds no object at all; so a 404 alone
/// buries nothing. BatchedStore with the event that says so, it does. Where that event may still be on
/// its way, the job is tried again until it has come; and what
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
    // Nobody's money hangs on a mirrored kind: a key that was never meant to read it must not stop
    // the work on all others, as it rightly does for a kind that the tables are made of.
    if error.is_forbidden() && subject.kind.mirror().is_some() {
        return Err(all(ReconcileError::NotPermitted(error)));
    }
    Err(all(error.into()))
}

/// Why there is no object, for one who asked.
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

/// Takes a 400 for a deletion, where an event in hand says that the payment method was detached and
/// [detaching deletes it](is_deleted_by_detaching): Stripe then says that the source is not attached to a
/// customer. The request holds nothing but the id, and an account that is not ours would answer 404.
pub(super) fn detached(
    subject: &Subject,
    told_detached: bool,
    answer: Result<Fetched, StripeError>,
) -> Result<Fetched, StripeError> {
    if told_detached && is_deleted_by_detaching(subject) {
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
