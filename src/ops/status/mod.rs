//! `quittance status`: health, queue lag and worker activity.
//!
//! [`look()`] asks every dependency at the same time and gives each only so long; what does not answer
//! is a part that is missing, never a failure of the whole. What follows from it is decided by
//! `judge`, a pure function.

mod complete;
mod document;
mod finding;
mod hold;
mod judge;
mod look;
mod loss;
mod rates;

pub use document::{
    BucketStatus, DependencyState, DependencyStatus, DurabilityStatus, Rate, Rates, RunningJob,
    SchemaStatus, Slice, Status, WaitStatus, WorkerStatus,
};
pub use finding::{Finding, FindingCode, Severity};
pub use look::{Sources, look};
