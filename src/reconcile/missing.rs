//! What it means that Stripe has no such object, or does not let us see it.

use super::error::ReconcileError;
use crate::domain::event::Timestamp;
use crate::domain::event_types;
use crate::domain::id::EventId;
use crate::domain::object::{Kind, Subject};
use crate::stripe_api::{Client, Fetched, StripeError};

/// Judges the answer to a fetch. `told_deleted`: an event in hand says that the object was deleted.
/// `led_here`: the event that made us ask, and when it was made, if Stripe has it among those of its first
/// API.
///
/// A tombstone is for good, and a key of the wrong account finds no object at all; so a 404 alone
/// buries nothing. Together with the event that says so, it does. Where that event may still be on
/// its way, the job is tried again until it has come; and what
/// [detaching deletes](is_deleted_by_detaching) has no such event, so that it is enough that the key is the
/// right one.
pub(super) async fn judge(
    stripe: &Client,
    subject: &Subject,
    told_deleted: bool,
    led_here: Option<(&EventId, Timestamp)>,
    answer: Result<Fetched, StripeError>,
) -> Result<Fetched, ReconcileError> {
    let error = match answer {
        Ok(fetched) => return Ok(fetched),
        Err(error) => error,
    };
    if told_deleted {
        return error.into_deleted().map_err(ReconcileError::from);
    }
    if error.is_missing() {
        if let Some(led_here) = led_here {
            check_account(stripe, subject, led_here, &error).await?;
            if is_deleted_by_detaching(subject) {
                return error.into_deleted().map_err(ReconcileError::from);
            }
        }
        if event_types::is_deletable(subject.kind.as_str()) {
            return Err(ReconcileError::PerhapsDeleted(error));
        }
    }
    // Nobody's money hangs on a mirrored kind: a key that was never meant to read it must not stop
    // the work on all others, as it rightly does for a kind that the tables are made of.
    if error.is_forbidden() && subject.kind.mirror().is_some() {
        return Err(ReconcileError::NotPermitted(error));
    }
    Err(error.into())
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
/// `led_here`: the event and when it was made; `missing`: Stripe's word that there is no such object.
/// Where the event cannot tell, because it is too old or the key may not read events, nothing is
/// found.
async fn check_account(
    stripe: &Client,
    subject: &Subject,
    led_here: (&EventId, Timestamp),
    missing: &StripeError,
) -> Result<(), ReconcileError> {
    let (event, created) = led_here;
    if missing.missing_at().is_none_or(|now| created < now - KEPT_SECONDS) {
        return Ok(());
    }
    match stripe.event(&subject.scope, event).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_missing() => Err(ReconcileError::WrongAccount(error)),
        Err(error) if error.is_forbidden() || error.is_access_lost() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
