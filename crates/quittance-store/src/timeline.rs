//! Timeline of an object, by type of record; `ops` merges them.
//!
//! Each list has the newest records, up to a limit, because an object can have any number of events.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::audit::AuditRow;
use super::connect::Store;
use super::error::StoreError;
use super::ledger::LedgerEvent;
use super::object::ObjectKey;

/// The record of an attempt at an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attempt {
    /// The event.
    pub event: String,
    /// Its type, if it is known.
    pub event_type: Option<String>,
    /// Number of the attempt, from 1; it restarts after a retry by an operator.
    pub number: i32,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// Duration in milliseconds.
    pub duration_ms: i64,
    /// The worker's id.
    pub worker: String,
    /// `failed`, `dead`, or the result of processing.
    pub outcome: String,
    /// The class of its failure.
    pub class: Option<String>,
    /// The stable code of its failure.
    pub code: Option<String>,
    /// Its causes, outermost first.
    pub chain: Option<Vec<String>>,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
    /// The trace that it is part of.
    pub trace_id: Option<String>,
    /// Whether the event was processed or dead-lettered since. If not, it is in the queue.
    pub ended: bool,
}

/// A notification about the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ObjectNotification {
    /// Its stable id.
    pub id: String,
    /// `payment.succeeded` etc.
    pub topic: String,
    /// The event that caused the fetch; null if no event did.
    pub cause: Option<String>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Destinations with a successful delivery.
    pub delivered: Vec<String>,
    /// Destinations with a pending delivery.
    pub pending: Vec<String>,
    /// Destinations with a dead-lettered delivery.
    pub dead: Vec<String>,
}

/// A dead letter of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ObjectDeadLetter {
    /// Its number.
    pub id: i64,
    /// The event's id, or `sha256:...`.
    pub event: String,
    /// The event's type.
    pub event_type: Option<String>,
    /// `open`, `retrying`, `resolved`, `discarded`.
    pub state: String,
    /// `permanent`, `exhausted`, `poison`, `undecodable`.
    pub reason: String,
    /// The stable code of the last failure.
    pub code: String,
    /// The message of the last failure.
    pub message: String,
    /// When it was first dead-lettered.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was resolved or discarded.
    #[serde(with = "time::serde::rfc3339::option")]
    pub resolved_at: Option<OffsetDateTime>,
}

impl Store {
    /// Lists the events of an object, the last received first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn events_of(
        &self,
        key: &ObjectKey,
        limit: u32,
    ) -> Result<Vec<LedgerEvent>, StoreError> {
        Ok(sqlx::query_as!(
            LedgerEvent,
            r#"
            SELECT id, type AS event_type, api_version, account, livemode,
                   stripe_created AS created, endpoint, source, received_at, secret_index, object_kind,
                   object_id, status, outcome, settled_at, attempts
            FROM quittance.events
            WHERE object_id = $4 AND object_kind = $3 AND account = $1 AND livemode = $2
            ORDER BY received_at DESC, id DESC
            LIMIT $5
            "#,
            key.account,
            key.livemode,
            key.kind,
            key.id,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Lists the attempts at these events, and those at events of the object that are in the queue; the last first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn attempts_of(
        &self,
        key: &ObjectKey,
        events: &[String],
        limit: u32,
    ) -> Result<Vec<Attempt>, StoreError> {
        Ok(sqlx::query_as!(
            Attempt,
            r#"
            SELECT a.event_id AS event, coalesce(e.type, a.event_type) AS event_type, a.number,
                   a.started_at, a.duration_ms, a.worker, a.outcome, a.class, a.code, a.chain,
                   a.request_id, a.trace_id, e.id IS NOT NULL AS "ended!"
            FROM (
                SELECT id FROM quittance.attempts WHERE event_id = ANY ($5)
                UNION
                SELECT id FROM quittance.attempts
                WHERE object_id = $4 AND object_kind = $3 AND account = $1 AND livemode = $2
            ) AS these
            JOIN quittance.attempts AS a USING (id)
            LEFT JOIN quittance.events AS e ON e.id = a.event_id
            ORDER BY a.id DESC
            LIMIT $6
            "#,
            key.account,
            key.livemode,
            key.kind,
            key.id,
            events,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Lists the notifications about an object, the last first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn notifications_of(
        &self,
        key: &ObjectKey,
        limit: u32,
    ) -> Result<Vec<ObjectNotification>, StoreError> {
        Ok(sqlx::query_as!(
            ObjectNotification,
            r#"
            SELECT o.id::text AS "id!", o.topic, o.cause, o.created_at AS at,
                   ARRAY(SELECT d.destination FROM quittance.outbox_deliveries AS d
                         WHERE d.id = o.id AND d.state = 'delivered' ORDER BY 1) AS "delivered!",
                   ARRAY(SELECT d.destination FROM quittance.outbox_deliveries AS d
                         WHERE d.id = o.id AND d.state = 'pending' ORDER BY 1) AS "pending!",
                   ARRAY(SELECT d.destination FROM quittance.outbox_deliveries AS d
                         WHERE d.id = o.id AND d.state = 'dead' ORDER BY 1) AS "dead!"
            FROM quittance.outbox AS o
            WHERE o.object_id = $4 AND o.object_kind = $3 AND o.account = $1 AND o.livemode = $2
            ORDER BY o.seq DESC
            LIMIT $5
            "#,
            key.account,
            key.livemode,
            key.kind,
            key.id,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Lists the dead letters of an object, the last first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn dead_letters_of(
        &self,
        key: &ObjectKey,
        limit: u32,
    ) -> Result<Vec<ObjectDeadLetter>, StoreError> {
        Ok(sqlx::query_as!(
            ObjectDeadLetter,
            r#"
            SELECT id, event_id AS event, event_type, state, reason, code, message, created_at,
                   resolved_at
            FROM quittance.dead_letters
            WHERE object_id = $4 AND object_kind = $3 AND account = $1 AND livemode = $2
            ORDER BY id DESC
            LIMIT $5
            "#,
            key.account,
            key.livemode,
            key.kind,
            key.id,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Lists the actions of operators on any of these targets, the last first. Targets are named as in the audit log:
    /// `object:pi_...`, `event:evt_...`, `dead_letter:5`.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn acts_on(
        &self,
        targets: &[String],
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        Ok(sqlx::query_as!(
            AuditRow,
            r#"
            SELECT id, at, actor, verb, target, reason, count, details FROM quittance.audit_log
            WHERE target = ANY ($1) ORDER BY id DESC LIMIT $2
            "#,
            targets,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Lists the attempts at an event, the last first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn attempts_at(&self, event: &str, limit: u32) -> Result<Vec<Attempt>, StoreError> {
        Ok(sqlx::query_as!(
            Attempt,
            r#"
            SELECT a.event_id AS event, coalesce(e.type, a.event_type) AS event_type, a.number,
                   a.started_at, a.duration_ms, a.worker, a.outcome, a.class, a.code, a.chain,
                   a.request_id, a.trace_id, e.id IS NOT NULL AS "ended!"
            FROM quittance.attempts AS a
            LEFT JOIN quittance.events AS e ON e.id = a.event_id
            WHERE a.event_id = $1
            ORDER BY a.id DESC
            LIMIT $2
            "#,
            event,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Lists the dead letters of an event, the last first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn dead_letters_about(
        &self,
        event: &str,
        limit: u32,
    ) -> Result<Vec<ObjectDeadLetter>, StoreError> {
        Ok(sqlx::query_as!(
            ObjectDeadLetter,
            r#"
            SELECT id, event_id AS event, event_type, state, reason, code, message, created_at,
                   resolved_at
            FROM quittance.dead_letters
            WHERE event_id = $1
            ORDER BY id DESC
            LIMIT $2
            "#,
            event,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Reads the object of an event in the queue, if an attempt could read it.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn object_of_attempts(&self, event: &str) -> Result<Option<ObjectKey>, StoreError> {
        Ok(sqlx::query_as!(
            ObjectKey,
            r#"
            SELECT object_kind AS "kind!", object_id AS "id!", account AS "account!",
                   livemode AS "livemode!"
            FROM quittance.attempts
            WHERE event_id = $1 AND object_kind IS NOT NULL AND object_id IS NOT NULL
              AND account IS NOT NULL AND livemode IS NOT NULL
            ORDER BY id DESC
            LIMIT 1
            "#,
            event,
        )
        .fetch_optional(&self.pool)
        .await?)
    }
}
