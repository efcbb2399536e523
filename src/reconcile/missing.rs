//! What it means that Stripe has no such object, or does not let us see it.

use super::error::ReconcileError;
use crate::domain::event_types;
use crate::domain::object::Subject;
use crate::stripe_api::{Fetched, StripeError};

/// Judges the answer to a fetch. `told_deleted`: an event in hand says that the object was deleted.
///
/// A tombstone is for good, and a key of the wrong account finds no object at all; so a 404 alone
/// buries nothing. Together with the event that says so, it does. Where that event may still be on
/// its way, the job is tried again until it has come.
pub(super) fn judge(
    subject: &Subject,
    told_deleted: bool,
    answer: Result<Fetched, StripeError>,
) -> Result<Fetched, ReconcileError> {
    let error = match answer {
        Ok(fetched) => return Ok(fetched),
        Err(error) => error,
    };
    if told_deleted {
        return error.into_deleted().map_err(ReconcileError::from);
    }
    if error.is_missing() && event_types::is_deletable(subject.kind.as_str()) {
        return Err(ReconcileError::PerhapsDeleted(error));
    }
    // Nobody's money hangs on a mirrored kind: a key that was never meant to read it must not stop
    // the work on all others, as it rightly does for a kind that the tables are made of.
    if error.is_forbidden() && subject.kind.mirror().is_some() {
        return Err(ReconcileError::NotPermitted(error));
    }
    Err(error.into())
}
