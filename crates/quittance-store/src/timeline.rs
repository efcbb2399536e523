//! What happened to one object, each sort of thing by itself: `ops` makes one story of it.
//!
//! Each list holds the newest, this many at most: an object can have any number of events.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::audit::AuditRow;
use super::connect::Store;
use super::error::StoreError;
use super::ledger::LedgerEvent;
use super::object::ObjectKey;

/// An attempt at an event, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attempt {
    /// The event.
    pub event: String,
    /// Its type, if it is known.
    pub event_type: Option<String>,
    /// Counts from 1, and anew after a retry by ops.
    pub number: i32,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// Which worker.
    pub worker: String,
    /// `failed`, `dead`, or how the event settled.
    pub outcome: String,
    /// The class of its failure.
    pub class: Option<String>,
    /// The stable word for it.
    pub code: Option<String>,
    /// Its causes, outermost first.
    pub chain: Option<Vec<String>>,
    /// Stripe's `Request-Id`.
    pub request_id: Option<String>,
    /// The trace that it is part of.
    pub trace_id: Option<String>,
    /// Whether the event came to an end since, good or bad. If not, it is in the queue.
    pub ended: bool,
}

/// A notification about the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ObjectNotification {
    /// Its stable id.
    pub id: String,
    /// `payment.succeeded` and its like.
    pub topic: String,
    /// The event that made us look; none when no event did.
    pub cause: Option<String>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The destinations that were told.
    pub delivered: Vec<String>,
    /// The destinations that are still to be told.
    pub pending: Vec<String>,
    /// The destinations where it was given up.
    pub dead: Vec<String>,
}

/// A dead letter of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ObjectDeadLetter {
    /// Its number.
    pub id: i64,
    /// The event, or what stands for it.
    pub event: String,
    /// The event's type.
    pub event_type: Option<String>,
    /// `open`, `retrying`, `resolved`, `discarded`.
    pub state: String,
    /// `permanent`, `exhausted`, `poison`, `undecodable`.
    pub reason: String,
    /// The stable word for the last failure.
    pub code: String,
    /// The last failure in words.
    pub message: String,
    /// When it was first given up.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was resolved or discarded.
    #[serde(with = "time::serde::rfc3339::option")]
    pub resolved_at: Option<OffsetDateTime>,
}

impl Store {
    /// The events of an object, the last received first.
    ///
    /// # Errors
    /// Postgres.
    pub async fn events_of(
        &self,
        key: &ObjectKey,
        limit: u32,
    ) -> Result<Vec<LedgerEvent>, StoreError> {
        Ok(sqlx::query_as!(
            LedgerEvent,
            r#"
            SELECT id, type AS event_type, api_version, account, livemode,
                   stripe_created AS created, endpoint, received_at, secret_index, object_kind,
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

    /// The attempts at these events, and those at events of the object that are still being tried;
    /// the last first.
    ///
    /// # Errors
    /// Postgres.
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

    /// What was told of an object, the last first.
    ///
    /// # Errors
    /// Postgres.
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

    /// The dead letters of an object, the last first.
    ///
    /// # Errors
    /// Postgres.
    pub async fn letters_of(
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

    /// What people did to any of these things, the last first. Each is named as the audit log does:
    /// `object:pi_...`, `event:evt_...`, `dead_letter:5`.
    ///
    /// # Errors
    /// Postgres.
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

    /// The attempts at one event, the last first.
    ///
    /// # Errors
    /// Postgres.
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

    /// The dead letters of one event, the last first.
    ///
    /// # Errors
    /// Postgres.
    pub async fn letters_about(
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

    /// What an event is about that is still being tried, where an attempt could read it.
    ///
    /// # Errors
    /// Postgres.
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
