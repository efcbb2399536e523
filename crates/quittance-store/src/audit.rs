//! The audit log: who did what by hand, and why. Rows are added and read, never changed.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::actor::Actor;
use super::connect::Store;
use super::error::StoreError;

/// Something that is to be noted.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAudit<'a> {
    /// Who, and why.
    pub actor: Actor<'a>,
    /// What was done: `queue.pause`, `dead_letter.retry`.
    pub verb: &'a str,
    /// To what: `lane:live`, `dead_letter:5`, `outbox:http:default`.
    pub target: &'a str,
    /// To how many.
    pub count: i64,
    /// What else is known of it: a JSON object.
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
    /// Who.
    pub actor: String,
    /// What was done: `queue.pause`, `dead_letter.retry`.
    pub verb: String,
    /// To what: `lane:live`, `dead_letter:5`.
    pub target: String,
    /// Why, where somebody said so.
    pub reason: Option<String>,
    /// To how many.
    pub count: i64,
    /// What else is known of it.
    #[schema(value_type = Object)]
    pub details: Value,
}

/// Which rows to list; all that is set must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Only what this person did.
    pub actor: Option<String>,
    /// Only this verb; `queue` stands for all that begin with `queue.`.
    pub verb: Option<String>,
    /// Only what was done to this.
    pub target: Option<String>,
    /// Only from then on.
    pub since: Option<OffsetDateTime>,
}

impl Store {
    /// Adds a row; its number.
    ///
    /// # Errors
    /// Postgres; then nothing is noted.
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

    /// Lists rows, newest first: those older than `before`, the last one of the page before.
    ///
    /// # Errors
    /// Postgres.
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
