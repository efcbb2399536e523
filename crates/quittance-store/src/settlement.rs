//! The plain values that a decision is written from, complete before the call.

use quittance_domain::event::{Event, Timestamp, is_storable_time};
use quittance_domain::id::EventId;
use quittance_domain::notification::Notification;
use quittance_domain::object::{Observed, Subject};
use quittance_domain::transition::Transition;
use quittance_redaction::Redacted;

use super::attempt::Attempt;
use super::command::CommandClosing;
use super::dead_event::storable_text;

/// One decision: a change of one object, if there is one, and the events that it settles. Written
/// whole or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The change; none when the events are covered, gone or ignored.
    pub change: Option<Change>,
    /// The events. Those that were settled before, by this or another worker, stay as they are.
    pub events: Vec<SettledEvent>,
    /// The end of the command that made the change, written in the same transaction.
    pub command: Option<CommandClosing>,
}

/// A compare-and-set of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which object.
    pub subject: Subject,
    /// The version that the decision was made on; 0 when there was no row.
    pub expected_version: i64,
    /// Stripe's clock when the look began, floored to the second.
    pub observed_at: Timestamp,
    /// Stripe's clock when it had ended, rounded up.
    pub seen_by: Timestamp,
    /// What the object is now.
    pub state: NewState,
    /// The event that caused the fetch.
    pub cause: Option<EventId>,
}

/// What an object is now.
#[derive(Debug, Clone, PartialEq)]
pub enum NewState {
    /// It is there.
    Present {
        /// Its columns.
        observed: Observed,
        /// How it got there; kept in `app.transitions` when it is a change.
        transition: Transition,
        /// The state facts that the change makes true.
        notifications: Vec<Notification>,
        /// The JSON as Stripe sent it, but for what must not be kept.
        raw: Redacted,
    },
    /// Stripe says that it is deleted: a tombstone, for good.
    Deleted,
}

/// An event that is settled or ignored with this write.
#[derive(Debug, Clone, PartialEq)]
pub struct SettledEvent {
    /// Which event.
    pub event: Event,
    /// How it ended.
    pub outcome: Outcome,
    /// How it came in.
    pub receipt: Receipt,
    /// The notifications that are about the event itself, sent once whatever its object is by now.
    pub occurrences: Vec<Notification>,
    /// The attempt that settled it.
    pub attempt: Attempt,
}

/// How an event was settled or ignored. The words are those of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its object was fetched and changed.
    Applied,
    /// Its object was fetched and was as recorded.
    Unchanged,
    /// The row had been fetched after the event was made ("covered"), so Stripe was not asked.
    Covered,
    /// Its object is deleted.
    Gone,
    /// Its kind is not handled.
    Ignored,
    /// Its account took our access back, so there is nothing to look at.
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

    /// From its word.
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

/// How an event came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The configured endpoint that accepted it.
    pub endpoint: String,
    /// When, in milliseconds since 1970.
    pub received_at_ms: i64,
    /// Which of the endpoint's secrets matched: its index, never its value.
    pub secret_index: Option<u32>,
}

impl Receipt {
    /// The same as Postgres can hold it. It comes from the queue, where a job may have been put, or
    /// changed, by other means than the ingress.
    pub(crate) fn storable(&self) -> Self {
        let received_at = self.received_at_ms.div_euclid(1_000);
        Self {
            endpoint: storable_text(&self.endpoint),
            received_at_ms: if is_storable_time(received_at) { self.received_at_ms } else { 0 },
            secret_index: self.secret_index.filter(|index| i32::try_from(*index).is_ok()),
        }
    }
}

/// Whether a settlement was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Written.
    Done,
    /// The row is no longer what the decision was made on: nothing was written. Read and decide
    /// again.
    Conflict,
}
