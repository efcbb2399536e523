//! Bulk operations: on dead letters, refunds, and backfills. They can be watched, cancelled and resumed, and are recorded in
//! the audit log.
//!
//! An operation is `running` while a process renews its heartbeat, page by page. That process has a unique name
//! for it (the runner); a page of another runner changes nothing. Without a heartbeat, the operation counts as
//! `interrupted`, and can be resumed where it stopped.

mod backfill;
mod id;
mod read;
mod refunds;
mod run;

pub use backfill::{
    BackfillFault, BackfillKind, Busy, NewBackfill, NewFault, NewRange, NotedPage, StoredRange,
};
pub use id::{OperationId, OperationIdError};
pub use read::{
    Aftermath, BackfillSelection, Operation, OperationResult, OperationState, OperationVerb,
    RefundFile, Selection,
};
pub use refunds::{LineEnd, NewRefunds, RefundTotal, StoredLine};
pub use run::{Cancelling, NewOperation, Refused, Running};
