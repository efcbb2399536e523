//! Why a backfill does not begin, or was interrupted.

use tokio::task::JoinError;

use crate::store::StoreError;
use crate::store::operation::Busy;

/// A backfill does not begin, or was interrupted. One that was interrupted is where it was, and can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another backfill reads a part of it.
    #[error(
        "operation {} reads {} of {} already: it has to end, or be cancelled, first",
        .0.operation, .0.kind, if .0.account.is_empty() { "the own account" } else { &.0.account }
    )]
    Busy(Busy),
    /// The mode of the objects is not known.
    #[error("stripe.secret_key does not say whether it is a live or a test key")]
    NoMode,
    /// Stripe refuses the key, or cannot be asked with these settings.
    #[error("Stripe cannot be asked: {0}")]
    Misconfigured(String),
    /// The stored state is of another version.
    #[error("this version of the program does not know {what}")]
    Unknown {
        /// What.
        what: String,
    },
    /// It is no backfill.
    #[error("the operation is no backfill")]
    NoBackfill,
    /// A range's task ended by itself, by a panic.
    #[error("a range ended by itself")]
    Ended(#[from] JoinError),
    /// Another process took it for dead and goes on with it.
    #[error("another process runs it now")]
    TakenOver,
}
