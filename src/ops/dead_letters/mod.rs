//! `quittance dead-letters`: groups, lists, one dead letter, and actions on dead letters by id.
//!
//! Actions on all that match a filter are operations: [`super::operations`].

mod act;
mod dashboard;
mod dry_run;
mod job;
mod show;

pub use act::{DeadLetterResult, LONGEST_SPREAD, Refusal, discard, retry, snooze, undo};
pub(super) use act::{check, meant, spread};
pub use dashboard::link;
pub use dry_run::{DryRun, DryRunError, DryRuns, MOST as MOST_DRY, dry_run};
pub(super) use job::{Way, prepare};
pub use show::{Shown, show};

use crate::store::dead_letter::{DeadLetter, DeadLetterId, Filter, Groups};
use crate::store::{Store, StoreError};

/// Counts dead letters by cause and type of event, the largest group first.
///
/// # Errors
/// Postgres.
pub async fn groups(store: &Store, filter: &Filter) -> Result<Groups, StoreError> {
    store.dead_letter_groups(filter).await
}

/// Number of open dead letters of a customer.
///
/// # Errors
/// Postgres.
pub async fn open_of(store: &Store, customer: &str) -> Result<i64, StoreError> {
    let filter = Filter { customer: Some(customer.to_owned()), ..Filter::open() };
    Ok(store.count_dead_letters(&filter, None).await?.0)
}

/// Lists dead letters without their payloads, newest first: `limit` of those before `before`.
///
/// # Errors
/// Postgres.
pub async fn list(
    store: &Store,
    filter: &Filter,
    before: Option<DeadLetterId>,
    limit: u32,
) -> Result<Vec<DeadLetter>, StoreError> {
    store.dead_letters(filter, before, limit).await
}
