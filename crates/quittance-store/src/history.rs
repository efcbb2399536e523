//! History of an event, an object or a dead letter, for operators.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::connect::Store;
use super::dead_letter::DeadLetterId;
use super::error::StoreError;

/// The current row of an object.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CurrentRow {
    /// Version of the row; incremented by each write.
    pub version: i64,
    /// When its fetch started, by Stripe's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub observed_at: OffsetDateTime,
    /// Whether it is a tombstone.
    pub deleted: bool,
    /// Its redacted JSON.
    pub data: Option<Value>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// A change of an object's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeptTransition {
    /// The status before; null if the object was new.
    pub from: Option<String>,
    /// The status after.
    pub to: String,
    /// `opened`, `expected`, `anomalous`.
    pub kind: String,
    /// The event that caused the fetch.
    pub because_of: Option<String>,
    /// The version that the change wrote.
    pub version: i64,
    /// When it was recorded.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// An action of an operator.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AuditEntry {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The operator.
    pub actor: String,
    /// The action.
    pub verb: String,
    /// Why.
    pub reason: Option<String>,
    /// Further details.
    pub details: Value,
}

impl Store {
    /// Reads the row of an object of any kind. `account` is empty for the platform's own account.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn current(
        &self,
        account: &str,
        livemode: bool,
        kind: &str,
        id: &str,
    ) -> Result<Option<CurrentRow>, StoreError> {
        Ok(sqlx::query_as!(
            CurrentRow,
            r#"
            SELECT version, observed_at, deleted, data, updated_at
            FROM quittance.objects
            WHERE account = $1 AND livemode = $2 AND kind = $3 AND id = $4
            "#,
            account,
            livemode,
            kind,
            id,
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Lists the changes of an object's status, oldest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn transitions(
        &self,
        account: &str,
        livemode: bool,
        kind: &str,
        id: &str,
    ) -> Result<Vec<KeptTransition>, StoreError> {
        Ok(sqlx::query_as!(
            KeptTransition,
            r#"
            SELECT from_status AS "from", to_status AS "to", kind, because_of, version, at
            FROM app.transitions
            WHERE object_id = $4 AND stripe_account = $1 AND livemode = $2 AND object_kind = $3
            ORDER BY id
            "#,
            account,
            livemode,
            kind,
            id,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Lists the actions of operators on a dead letter, single or in bulk, oldest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn dead_letter_audit(&self, id: DeadLetterId) -> Result<Vec<AuditEntry>, StoreError> {
        Ok(sqlx::query_as!(
            AuditEntry,
            r#"
            SELECT at AS "at!", actor AS "actor!", verb AS "verb!", reason, details AS "details!"
            FROM (
                SELECT at, actor, verb, reason, details
                FROM quittance.audit_log WHERE target = $1
                UNION ALL
                SELECT r.at, o.actor, 'dead_letter.' || o.verb, o.reason,
                       jsonb_strip_nulls(jsonb_build_object(
                           'operation', o.id, 'result', r.result, 'until', o.until))
                FROM quittance.operation_results AS r
                JOIN quittance.operations AS o ON o.id = r.operation
                WHERE r.letter = $2
            ) AS acts
            ORDER BY at
            "#,
            id.target(),
            id.get(),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Reads a notification as its receivers get it; `None` if it was pruned.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn notification(&self, id: Uuid) -> Result<Option<Value>, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"SELECT quittance.outbox_body(o) AS "body!" FROM quittance.outbox AS o WHERE id = $1"#,
            id,
        )
        .fetch_optional(&self.pool)
        .await?)
    }
}
