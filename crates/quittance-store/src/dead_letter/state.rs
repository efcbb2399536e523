//! Reason, source and state of a dead letter.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use quittance_domain::retry::DeadReason;

/// Why a letter was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LetterReason {
    /// No repetition would mend it.
    Permanent,
    /// Its attempts are used up.
    Exhausted,
    /// It killed its worker again and again.
    Poison,
    /// It cannot be read.
    Undecodable,
}

impl LetterReason {
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

impl From<DeadReason> for LetterReason {
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
pub enum LetterSource {
    /// An event of Stripe's.
    Event,
    /// The delivery of a notification to a destination.
    Notification,
}

impl LetterSource {
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
pub enum LetterState {
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

impl LetterState {
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
