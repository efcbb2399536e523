//! Ids of operations.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The number of an operation.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(try_from = "i64")]
pub struct OperationId(pub(super) i64);

impl OperationId {
    /// The number itself.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// Its name in the audit log.
    #[must_use]
    pub fn target(self) -> String {
        format!("operation:{self}")
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Error for a text that is no number of an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an operation's id is a whole number from 1")]
pub struct OperationIdError;

impl TryFrom<i64> for OperationId {
    type Error = OperationIdError;

    fn try_from(id: i64) -> Result<Self, Self::Error> {
        if id > 0 { Ok(Self(id)) } else { Err(OperationIdError) }
    }
}

impl FromStr for OperationId {
    type Err = OperationIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<i64>().map_err(|_| OperationIdError)?.try_into()
    }
}
