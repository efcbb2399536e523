//! Turns a job into an outcome, and the outcome into what the queue does next.
//!
//! Started by the `worker` role; fed by the queue, one call a delivery. It never names Redis, SQL
//! or Stripe's types: it decodes the event, lets [`crate::reconcile`] settle it, asks
//! [`crate::domain::retry::decide`] what a failure means, and records that decision in Postgres
//! before the queue acts on it.

mod clock;
mod health;
mod job;
mod limit;
mod log;
pub mod maintenance;
mod marker;
mod metrics;
pub mod outages;
mod quarantine;
mod record_failure;
pub mod runtime;
mod slots;

pub use metrics::Metrics;
pub use outages::{Cause, Outages, Pause};
pub use runtime::{Parts, WorkerError, run};

/// For log lines: whole milliseconds, in a type that JSON has as a number.
fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
