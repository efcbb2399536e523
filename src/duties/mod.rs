//! Background duties: what is done now and then by one worker at a time, such as the sweep and retention.
//!
//! The scheduler runs in every worker. Each duty has an interval, a lease in Postgres, so that one process at a
//! time runs it and another takes over when that one dies, and a record of its last run for operators. A duty is
//! a task of its own, so none can hold up another. The scheduler never knows what a duty does; a duty must be safe
//! to cut off anywhere and to run again.

mod scheduler;

pub use scheduler::{Duty, DutyDone, DutyOutcome, Scheduler};
