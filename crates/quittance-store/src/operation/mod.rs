//! Bulk acts on dead letters, and bulk refunds, so that one can watch them, stop them, go on with them, and prove
//! afterwards who did what.
//!
//! An operation is `running` while somebody moves its heartbeat, page by page. Whoever runs it has a
//! name of its own for it (the runner); a page of anybody else changes nothing. One whose heart has
//! stopped counts as `interrupted`, and may be resumed where it was.

mod read;
mod refunds;
mod run;

pub use read::{Aftermath, Operation, OperationResult, OperationState, OperationVerb, Selection};
pub use refunds::{LineEnd, NewRefunds, RefundFile, RefundTotal, StoredLine};
pub use run::{Cancelling, NewOperation, Refused};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The number of an operation.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(try_from = "i64")]
pub struct OperationId(i64);

impl OperationId {
    /// The number itself.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// What the audit log calls it.
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

/// The text is not the number of an operation.
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

/// The right to run an operation: whoever began or resumed it has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Running {
    /// The operation as it was then.
    pub operation: Operation,
    pub(super) runner: Uuid,
}
