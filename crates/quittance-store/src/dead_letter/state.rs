//! Reason, source and state of a dead letter.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use quittance_domain::retry::DeadReason;

/// Reason of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeadLetterReason {
    /// A permanent error, which no retry would fix.
    Permanent,
    /// It ran out of attempts.
    Exhausted,
    /// Its workers died repeatedly.
    Poison,
    /// It cannot be parsed.
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

/// The kind of thing that was dead-lettered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeadLetterSource {
    /// A Stripe event.
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

    /// Parses the name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Event, Self::Notification].into_iter().find(|source| source.as_str() == text)
    }
}

/// State of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeadLetterState {
    /// Waits for an operator.
    Open,
    /// Waits for an operator, who has hidden it until a time.
    Snoozed,
    /// Back in the queue.
    Retrying,
    /// Processed after all.
    Resolved,
    /// Closed by an operator, with a reason.
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

    /// Parses the name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == text)
    }
}
