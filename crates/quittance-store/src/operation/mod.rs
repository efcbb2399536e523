//! Bulk acts on dead letters, so that one can watch them, stop them, go on with them, and prove
//! afterwards who did what.
//!
//! An operation is `running` while somebody moves its heartbeat, page by page. Whoever runs it has a
//! name of its own for it (the runner); a page of anybody else changes nothing. One whose heart has
//! stopped counts as `interrupted`, and may be resumed where it was.

mod id;
mod read;
mod run;

pub use id::{OperationId, OperationIdError};
pub use read::{Aftermath, Operation, OperationResult, OperationState};
pub use run::{Cancelling, NewOperation, Refused, Running};
