//! What a read came to.

use std::fmt;

use serde_json::Value;

use super::answer::Meta;
use super::error::StripeError;
use super::{decode, kinds};
use crate::domain::event::Timestamp;
use crate::domain::object::{Kind, Observed, Subject};

/// An object as Stripe has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// Not later than the instant at which the look began, on Stripe's own clock.
    pub observed_at: Timestamp,
    /// Later than the instant at which it had ended, on the same clock.
    pub seen_by: Timestamp,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
    /// What Stripe says.
    pub state: FetchedState,
}

/// Whether there is such an object.
#[derive(Clone, PartialEq)]
pub enum FetchedState {
    /// There is.
    Present {
        /// Its columns.
        observed: Observed,
        /// The answer as it came, secrets included: whoever stores it, redacts it.
        raw: Value,
    },
    /// There was: Stripe answers `{"deleted": true}`.
    Deleted,
}

impl fmt::Debug for FetchedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // `raw` holds secrets, and is nothing that belongs into a log line.
            Self::Present { observed, raw: _ } => {
                f.debug_struct("Present").field("observed", observed).finish_non_exhaustive()
            }
            Self::Deleted => f.write_str("Deleted"),
        }
    }
}

impl Fetched {
    pub(super) fn of(kind: Kind, meta: &Meta, raw: Value) -> Result<Self, StripeError> {
        let request_id = meta.request_id.clone();
        let (observed_at, seen_by) = meta.dated()?;
        let state = if decode::is_deleted(&raw) {
            FetchedState::Deleted
        } else {
            let observed = kinds::observe(kind, &raw, request_id.as_deref())?;
            FetchedState::Present { observed, raw }
        };
        Ok(Self { observed_at, seen_by, request_id, state })
    }

    /// What an event says of its object: as if Stripe had been asked when the event was `created`.
    ///
    /// `None`: it does not say all that a fetch would bring, or it is about another object, or it cannot
    /// be read. Whoever then asks Stripe hears the reason, if there is one.
    #[must_use]
    pub fn told(subject: &Subject, raw: Value, created: Timestamp) -> Option<Self> {
        if !kinds::is_whole_in_events(subject.kind, &raw) {
            return None;
        }
        decode::check_identity(&raw, subject, None).ok()?;
        let observed = kinds::observe(subject.kind, &raw, None).ok()?;
        let state = FetchedState::Present { observed, raw };
        let seen_by = created.saturating_add(1);
        Some(Self { observed_at: created, seen_by, request_id: None, state })
    }
}
