//! Ids of dead letters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The number of a dead letter.
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

    /// Its name in the audit log.
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

/// Error for a text that is no number of a dead letter.
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
