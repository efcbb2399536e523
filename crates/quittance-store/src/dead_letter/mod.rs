//! Dead letters: what was given up, why, and what became of it since.
//!
//! A letter is `open` until ops puts it back into the queue (`retrying`), it settles after all
//! (`resolved`, by [`Store::apply`](super::Store::apply), however its event came again), or a
//! person decides that it never will (`discarded`). An event has at most one letter that is open
//! or retrying. An open one that nobody wants to see for a while is `snoozed`: it is open to the
//! tables, and turns up again by itself.
//!
//! A notification that was given up for a destination is a letter like any other; what is retried
//! then is its delivery, and its arrival resolves it.

mod act;
mod filter;
mod group;
mod read;
mod write;

pub use act::{Act, ActWord, Acted, ActedOn, Actor};
pub(super) use act::{Columns, acted};
pub use filter::Filter;
pub use group::{Group, GroupKey, GroupKeyError, Groups, StateCounts};
pub use read::DeadLetter;
pub use write::{DeadEvent, NewDeadLetter};
pub(super) use write::{Words, storable_text, words};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use quittance_domain::retry::DeadReason;

/// The number by which ops names a letter.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(try_from = "i64")]
pub struct DeadLetterId(pub(crate) i64);

impl DeadLetterId {
    /// The number itself.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// What the audit log calls it.
    #[must_use]
    pub fn target(self) -> String {
        format!("dead_letter:{self}")
    }
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not the number of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a dead letter's id is a whole number from 1")]
pub struct DeadLetterIdError;

impl TryFrom<i64> for DeadLetterId {
    type Error = DeadLetterIdError;

    fn try_from(id: i64) -> Result<Self, Self::Error> {
        if id > 0 { Ok(Self(id)) } else { Err(DeadLetterIdError) }
    }
}

impl FromStr for DeadLetterId {
    type Err = DeadLetterIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<i64>().map_err(|_| DeadLetterIdError)?.try_into()
    }
}

/// Why a letter was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeadLetterReason {
    /// No repetition would mend it.
    Permanent,
    /// Its attempts are used up.
    Exhausted,
    /// It killed its worker again and again.
    Poison,
    /// It cannot be read.
    Undecodable,
}

impl DeadLetterReason {
    /// `permanent`, `exhausted`, `poison`, `undecodable`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Exhausted => "exhausted",
            Self::Poison => "poison",
            Self::Undecodable => "undecodable",
        }
    }
}

impl From<DeadReason> for DeadLetterReason {
    fn from(reason: DeadReason) -> Self {
        match reason {
            DeadReason::Permanent => Self::Permanent,
            DeadReason::Exhausted => Self::Exhausted,
            DeadReason::Poison => Self::Poison,
        }
    }
}

/// What was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeadLetterSource {
    /// An event of Stripe's.
    Event,
    /// The delivery of a notification to a destination.
    Notification,
}

impl DeadLetterSource {
    /// `event`, `notification`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Notification => "notification",
        }
    }

    /// From its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Event, Self::Notification].into_iter().find(|source| source.as_str() == text)
    }
}

/// Where a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeadLetterState {
    /// Waits for a person.
    Open,
    /// Waits for a person, who said: not before then.
    Snoozed,
    /// Back in the queue.
    Retrying,
    /// Settled after all.
    Resolved,
    /// Given up by a person, with a reason.
    Discarded,
}

impl DeadLetterState {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Open, Self::Snoozed, Self::Retrying, Self::Resolved, Self::Discarded];

    /// `open`, `snoozed`, `retrying`, `resolved`, `discarded`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Snoozed => "snoozed",
            Self::Retrying => "retrying",
            Self::Resolved => "resolved",
            Self::Discarded => "discarded",
        }
    }

    /// From its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == text)
    }
}
