//! Result of a read: the object's state, and when Stripe said so.

use super::answer::Meta;
use super::error::StripeError;
use super::{decode, kinds};
use quittance_domain::event::Timestamp;
use quittance_domain::object::{Kind, Observed, Subject};
use quittance_redaction::Redacted;
use serde_json::Value;

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
        let undated = || StripeError::Undated { request_id: meta.request_id.clone() };
        let (observed_at, seen_by) = meta.dated().ok_or_else(undated)?;
        let state = if decode::is_deleted(&raw) {
            FetchedState::Deleted
        } else {
            let observed = decode::observe(kind, &raw, request_id.as_deref())?;
            FetchedState::Present { observed, raw }
        };
        Ok(Self { observed_at, seen_by, request_id, state })
    }

    /// The object's JSON; none of a deleted object.
    #[must_use]
    pub fn raw(&self) -> Option<&Redacted> {
        match &self.state {
            FetchedState::Present { raw, .. } => Some(raw),
            FetchedState::Deleted => None,
        }
    }

    /// The field of a list inside the object that goes on beyond what is kept of it, if there is one.
    #[must_use]
    pub fn cut_short(&self) -> Option<&str> {
        match &self.state {
            FetchedState::Present { raw, .. } => cut_short(raw),
            FetchedState::Deleted => None,
        }
    }

    /// What an event says of its object: as if Stripe had been asked when the event was `created`.
    ///
    /// `None`: it does not say all that a fetch would bring, or it is about another object, or it cannot
    /// be read. Whoever then asks Stripe hears the reason, if there is one.
    #[must_use]
    pub fn told(subject: &Subject, raw: Redacted, created: Timestamp) -> Option<Self> {
        if !kinds::is_whole_in_events(subject.kind) || cut_short(&raw).is_some() {
            return None;
        }
        decode::check_identity(&raw, subject, None).ok()?;
        let observed = decode::observe(subject.kind, &raw, None).ok()?;
        let state = FetchedState::Present { observed, raw };
        let seen_by = created.saturating_add(1);
        Some(Self { observed_at: created, seen_by, request_id: None, state })
    }
}

impl StripeError {
    /// Reads "no such object" as "deleted", for a caller who knows that there was one: an event
    /// has said so. Without such an event it may as well be the wrong account's key.
    ///
    /// # Errors
    /// Itself, if it says anything else, or does not say when.
    pub fn into_deleted(self) -> Result<Fetched, Self> {
        if self.is_missing() { self.refused_as_deleted() } else { Err(self) }
    }

    /// The same of "that request is wrong" (400): for an object of which an event says that it is no
    /// longer what it is asked for as.
    ///
    /// # Errors
    /// Itself, if it says anything else, or does not say when.
    pub fn invalid_into_deleted(self) -> Result<Fetched, Self> {
        if self.is_invalid() { self.refused_as_deleted() } else { Err(self) }
    }

    fn refused_as_deleted(self) -> Result<Fetched, Self> {
        if let Self::Refused(refusal) = &self
            && let Some((observed_at, seen_by)) = refusal.dated()
        {
            let request_id = refusal.request_id().map(str::to_owned);
            return Ok(Fetched { observed_at, seen_by, request_id, state: FetchedState::Deleted });
        }
        Err(self)
    }
}

/// The field of a list that is not all there, if there is one.
pub(super) fn cut_short(raw: &Value) -> Option<&str> {
    raw.as_object()?.iter().find(|(_, value)| goes_on(value)).map(|(field, _)| field.as_str())
}

/// Whether a list goes on after what is shown of it.
pub(super) fn goes_on(value: &Value) -> bool {
    value["object"] == "list" && value["has_more"] == true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_that_goes_on_is_named() {
        let list = |more| json!({"object": "list", "has_more": more, "data": []});
        assert_eq!(cut_short(&json!({"id": "in_1", "lines": list(true)})), Some("lines"));
        assert_eq!(cut_short(&json!({"id": "in_1", "lines": list(false), "metadata": {}})), None);
        assert_eq!(cut_short(&json!({"metadata": {"has_more": true}})), None, "no list");
    }
}
