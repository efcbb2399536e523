//! Brings a row up to what Stripe says, and settles the events that asked for it.
//!
//! Called by the worker with a decoded event, and by ops with an object's id. Knows the rules, the
//! API and the tables; never the queue: what becomes of a job that could not be settled is decided
//! elsewhere. To be read in this order: [`reconciler`] (the entrance), `round` (load, fetch, decide, apply),
//! `proof` (which answers, refusals and snapshots prove what).
//!
//! The order of things is the argument for "never backwards". The row's version is read *before*
//! the fetch begins, and the write demands that very version. So whatever was written before the
//! read was observed before our fetch, and whatever is written after it makes our write fail. Of
//! two workers that ask at the same time, one writes; the other starts again from the read.

mod decision;
pub mod error;
mod made;
mod metrics;
mod page;
mod proof;
pub mod reconciler;
mod round;
mod task;

pub use error::{Evidence, Fault, ReconcileError};
pub use metrics::Metrics;
pub use page::{Compared, RecordedEntry, RecordedPage};
pub use reconciler::{Before, Looked, Reconciler};
pub use task::{EventTask, Settled};
