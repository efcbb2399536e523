//! Brings a row up to what Stripe says, and settles the events that asked for it.
//!
//! Called by the worker with a decoded event, and by ops with an object's id. Knows the rules, the
//! API and the tables; never the queue: what becomes of a job that could not be settled is decided
//! elsewhere.
//!
//! The order of things is the argument for "never backwards". The row's version is read *before*
//! the fetch begins, and the write demands that very version. So whatever was written before the
//! read was observed before our fetch, and whatever is written after it makes our write fail. Of
//! two workers that ask at the same time, one writes; the other starts again from the read.

mod ask;
mod decision;
pub mod error;
mod flight;
mod lag;
pub mod look;
mod metrics;
mod missing;
pub mod reconciler;
mod record;
mod rides;
mod single_flight;
mod snapshots;
mod task;

pub use error::{Evidence, Fault, ReconcileError};
pub use look::Looked;
pub use metrics::Metrics;
pub use reconciler::Reconciler;
pub use record::Before;
pub use task::{Request, Settled};
