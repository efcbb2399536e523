//! Settlements: plain values that a decision is written from.

use quittance_domain::event::{Event, Timestamp, is_storable_time};
use quittance_domain::id::EventId;
use quittance_domain::notification::Notification;
use quittance_domain::object::{Observed, Subject};
use quittance_domain::transition::Transition;
use quittance_redaction::Redacted;

use super::attempt::Attempt;
use super::command::CommandClosing;
use super::dead_event::storable_text;

/// A decision: a change of one object, if there is one, and the events that it settles. It is written atomically.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The change; `None` when the events are covered, gone or ignored.
    pub change: Option<Change>,
    /// The events. Those that were settled before, by this or another worker, stay unchanged.
    pub events: Vec<SettledEvent>,
    /// The end of the command that made the change, written in the same transaction.
    pub command: Option<CommandClosing>,
    /// Publishes what earlier changes of an object withheld.
    pub release: Option<Release>,
}

/// The publication of what changes of an object have [withheld](Publishing::Withhold).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The object.
    pub subject: Subject,
    /// The event that has arrived.
    pub cause: Option<EventId>,
}

/// What becomes of the notifications of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Publishing {
    /// They are published.
    #[default]
    Publish,
    /// They are published, and say that a backfill found the change: `origin: "backfill"`.
    AsBackfill,
    /// They are kept with the row, and published by a [`Release`]: when an event arrives that was made before the
    /// state was seen. A later change that is published drops them.
    Withhold,
}

/// A compare-and-set of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The object.
    pub subject: Subject,
    /// The version that the decision was based on; 0 if there was no row.
    pub expected_version: i64,
    /// When the fetch started, by Stripe's clock, rounded down to the second.
    pub observed_at: Timestamp,
    /// When the fetch ended, by Stripe's clock, rounded up.
    pub seen_by: Timestamp,
    /// State of the object.
    pub state: NewState,
    /// The event that caused the fetch.
    pub cause: Option<EventId>,
    /// What becomes of its notifications.
    pub publishing: Publishing,
}

/// The new state of an object.
#[derive(Debug, Clone, PartialEq)]
pub enum NewState {
    /// It exists.
    Present {
        /// Its columns.
        observed: Observed,
        /// The transition to its status; recorded in `app.transitions` if the status changed.
        transition: Transition,
        /// State notifications of the change.
        notifications: Vec<Notification>,
        /// Its redacted JSON.
        raw: Redacted,
    },
    /// It is deleted at Stripe: a permanent tombstone.
    Deleted,
}

/// An event that this write settles or ignores.
#[derive(Debug, Clone, PartialEq)]
pub struct SettledEvent {
    /// The event.
    pub event: Event,
    /// The result of processing.
    pub outcome: Outcome,
    /// How it was received.
    pub receipt: Receipt,
    /// Notifications about the event itself, sent once whatever the current state of its object is.
    pub occurrences: Vec<Notification>,
    /// The attempt that settled it.
    pub attempt: Attempt,
}

/// Result of processing an event, with the names of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its object was fetched and changed.
    Applied,
    /// Its object was fetched, and had not changed.
    Unchanged,
    /// The row was fetched after the event was created ("covered"), so no fetch was needed.
    Covered,
    /// Its object is deleted at Stripe.
    Gone,
    /// Its kind is not handled.
    Ignored,
    /// Its account was deauthorized, so its objects cannot be fetched.
    Deauthorized,
}

impl Outcome {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Applied,
        Self::Unchanged,
        Self::Covered,
        Self::Gone,
        Self::Ignored,
        Self::Deauthorized,
    ];

    /// Parses the name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.as_str() == text)
    }

    /// `applied`, `unchanged`, `covered`, `gone`, `ignored`, `deauthorized`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Covered => "covered",
            Self::Gone => "gone",
            Self::Ignored => "ignored",
            Self::Deauthorized => "deauthorized",
        }
    }

    /// The status of the ledger row: `settled` or `ignored`.
    #[must_use]
    pub fn ledger_status(self) -> &'static str {
        match self {
            Self::Applied | Self::Unchanged | Self::Covered | Self::Gone => "settled",
            Self::Ignored | Self::Deauthorized => "ignored",
        }
    }
}

/// Receipt of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The configured endpoint that accepted it.
    pub endpoint: String,
    /// What put it on the queue: `webhook`, `sweep`, `replay` or `retry`.
    pub source: &'static str,
    /// When, in milliseconds since 1970.
    pub received_at_ms: i64,
    /// Index of the endpoint's secret that matched.
    pub secret_index: Option<u32>,
}

impl Receipt {
    /// The values in a form that Postgres can store. They come from the queue, where other programs than the ingress
    /// may have added or changed a job.
    pub(crate) fn storable(&self) -> Self {
        let received_at = self.received_at_ms.div_euclid(1_000);
        Self {
            endpoint: storable_text(&self.endpoint),
            source: self.source,
            received_at_ms: if is_storable_time(received_at) { self.received_at_ms } else { 0 },
            secret_index: self.secret_index.filter(|index| i32::try_from(*index).is_ok()),
        }
    }
}

/// Result of writing a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Written.
    Done,
    /// The row has changed since the decision: nothing was written. Read and decide again.
    Conflict,
}
