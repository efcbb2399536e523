//! What a read came to.

use super::answer::Meta;
use super::error::StripeError;
use super::{decode, kinds, lists};
use quittance_domain::event::Timestamp;
use quittance_domain::object::{Kind, Observed, Subject};
use quittance_redaction::Redacted;

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
#[derive(Debug, Clone, PartialEq)]
pub enum FetchedState {
    /// There is.
    Present {
        /// Its columns.
        observed: Observed,
        /// The answer as it came, but for what must not be kept.
        raw: Redacted,
    },
    /// There was: Stripe answers `{"deleted": true}`.
    Deleted,
}

impl Fetched {
    /// Reads an answer. What was dropped from it is in nothing that is made of it.
    pub(super) fn of(kind: Kind, meta: &Meta, raw: Redacted) -> Result<Self, StripeError> {
        let request_id = meta.request_id.clone();
        let (observed_at, seen_by) = meta.dated()?;
        let state = if decode::is_deleted(&raw) {
            FetchedState::Deleted
        } else {
            let observed = decode::observe(kind, &raw, request_id.as_deref())?;
            FetchedState::Present { observed, raw }
        };
        Ok(Self { observed_at, seen_by, request_id, state })
    }

    /// The field of a list inside the object that goes on beyond what is kept of it, if there is one.
    #[must_use]
    pub fn cut_short(&self) -> Option<&str> {
        match &self.state {
            FetchedState::Present { raw, .. } => lists::cut_short(raw),
            FetchedState::Deleted => None,
        }
    }

    /// What an event says of its object: as if Stripe had been asked when the event was `created`.
    ///
    /// `None`: it does not say all that a fetch would bring, or it is about another object, or it cannot
    /// be read. Whoever then asks Stripe hears the reason, if there is one.
    #[must_use]
    pub fn told(subject: &Subject, raw: Redacted, created: Timestamp) -> Option<Self> {
        if !kinds::is_whole_in_events(subject.kind) || lists::cut_short(&raw).is_some() {
            return None;
        }
        decode::check_identity(&raw, subject, None).ok()?;
        let observed = decode::observe(subject.kind, &raw, None).ok()?;
        let state = FetchedState::Present { observed, raw };
        let seen_by = created.saturating_add(1);
        Some(Self { observed_at: created, seen_by, request_id: None, state })
    }
}
