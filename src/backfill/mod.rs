//! Backfills: reads all that Stripe lists of an account, and records it.
//!
//! Called by the command line and by the operators' pages, which run a backfill as an operation: kept in Postgres
//! page by page, so that it can be watched, cancelled, and continued by any process exactly where it was. It must
//! never know how it was asked for or is shown, and it publishes nothing unless it was asked to: history is not news.
//!
//! Reading order: [`request`] is what is asked for, `plan` makes ranges of it, `read` reads the next page of a range,
//! [`run`] runs ranges side by side, `count` only counts, and [`mod@report`] says what came of it.

mod count;
mod error;
mod plan;
mod read;
pub mod report;
pub mod request;
pub mod run;

pub use count::CountedKind;
pub use error::BackfillError;
pub use report::{KindReport, Report, Unlisted, report};
pub use request::{BackfillAccounts, BackfillRequest};
pub use run::Backfill;
