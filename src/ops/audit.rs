//! `quittance audit`: the log of manual actions.

use serde::Serialize;
use utoipa::ToSchema;

use crate::store::audit::{AuditFilter, AuditRow};
use crate::store::{Store, StoreError};

/// A page of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AuditPage {
    /// Newest first.
    pub entries: Vec<AuditRow>,
    /// The `before` of the next page; null on the last page.
    pub next: Option<i64>,
}

/// Lists the audit log, newest first: the page before `before`.
///
/// # Errors
/// Postgres.
pub async fn list(
    store: &Store,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: u32,
) -> Result<AuditPage, StoreError> {
    let mut entries = store.audit_log(filter, before, limit.saturating_add(1)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = if more { entries.last().map(|entry| entry.id) } else { None };
    Ok(AuditPage { entries, next })
}
