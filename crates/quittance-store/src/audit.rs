//! The audit log: actions of operators, with their reasons. Rows are added and read, never changed.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::connect::Store;
use super::error::StoreError;

/// An operator who does something by hand, and the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor<'a> {
    /// The operator's name.
    pub name: &'a str,
    /// The reason, in the operator's words.
    pub reason: Option<&'a str>,
}

/// A new row.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAudit<'a> {
    /// The operator and the reason.
    pub actor: Actor<'a>,
    /// The action: `queue.pause`, `dead_letter.retry`.
    pub verb: &'a str,
    /// The target: `lane:live`, `dead_letter:5`, `outbox:http:default`.
    pub target: &'a str,
    /// Number of targets.
    pub count: i64,
    /// Further details: a JSON object.
    pub details: Value,
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AuditRow {
    /// Its number; a later row has a higher one.
    pub id: i64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The operator.
    pub actor: String,
    /// The action: `queue.pause`, `dead_letter.retry`.
    pub verb: String,
    /// The target: `lane:live`, `dead_letter:5`.
    pub target: String,
    /// The reason, if there is one.
    pub reason: Option<String>,
    /// Number of targets.
    pub count: i64,
    /// Further details.
    #[schema(value_type = Object)]
    pub details: Value,
}

/// Filter of rows. Fields that are `None` match all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Rows of this operator.
    pub actor: Option<String>,
    /// Rows of this action; `queue` matches all that start with `queue.`.
    pub verb: Option<String>,
    /// Rows of this target.
    pub target: Option<String>,
    /// Rows from this time on.
    pub since: Option<OffsetDateTime>,
}

impl Store {
    /// Adds a row; returns its number.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; nothing is recorded then.
    pub async fn record_audit(&self, new: &NewAudit<'_>) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar!(
            "INSERT INTO quittance.audit_log (actor, verb, target, reason, count, details)
             VALUES ($1, $2, $3, $4, $5, $6)
             RETURNING id",
            new.actor.name,
            new.verb,
            new.target,
            new.actor.reason,
            new.count,
            new.details,
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Lists rows before `before`, the last row of the previous page; newest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        Ok(sqlx::query_as!(
            AuditRow,
            r#"
            SELECT id, at, actor, verb, target, reason, count, details
            FROM quittance.audit_log
            WHERE ($1::text IS NULL OR actor = $1)
              AND ($2::text IS NULL OR verb = $2 OR split_part(verb, '.', 1) = $2)
              AND ($3::text IS NULL OR target = $3)
              AND ($4::timestamptz IS NULL OR at >= $4)
              AND ($5::bigint IS NULL OR id < $5)
            ORDER BY id DESC
            LIMIT $6
            "#,
            filter.actor,
            filter.verb,
            filter.target,
            filter.since,
            before,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
