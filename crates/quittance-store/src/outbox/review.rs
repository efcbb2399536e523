//! Dead-lettered deliveries: listing and retrying them.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::audit::Actor;
use crate::connect::Store;
use crate::error::StoreError;

/// A dead-lettered delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadDelivery {
    /// The notification.
    pub id: Uuid,
    /// The destination.
    pub destination: String,
    /// The topic.
    pub topic: String,
    /// Stripe's id of the object that it is about.
    pub object_id: String,
    /// Attempts that were made.
    pub attempts: i32,
    /// A stable word for the last failure.
    pub code: Option<String>,
    /// The last failure in words.
    pub failure: Option<String>,
}

/// Dead-lettered deliveries that were made due again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revived {
    /// How many.
    pub count: i64,
    /// Their ids, if the caller named ids.
    pub named: Vec<Uuid>,
    /// The last delivery of the page; none if the page was empty.
    pub last: Option<i64>,
}

impl Store {
    /// Lists dead-lettered deliveries, oldest first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn dead_deliveries(
        &self,
        destination: Option<&str>,
        most: i64,
    ) -> Result<Vec<DeadDelivery>, StoreError> {
        Ok(sqlx::query_as!(
            DeadDelivery,
            r#"
            SELECT d.id, d.destination, o.topic, o.object_id, d.attempts, d.failure_code AS code,
                   d.failure
            FROM quittance.outbox_deliveries AS d
            JOIN quittance.outbox AS o USING (id)
            WHERE d.state = 'dead' AND d.ended_at IS NOT NULL AND ($1::text IS NULL OR d.destination = $1)
            ORDER BY d.seq
            LIMIT $2
            "#,
            destination,
            most,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Makes dead-lettered deliveries due again, with their attempts reset: those of `ids`, or all of the
    /// destination if there are none; at most `most`, and only those that come `after` one. Their dead letters
    /// become `retrying`.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn revive_deliveries(
        &self,
        destination: &str,
        ids: &[Uuid],
        after: i64,
        most: i64,
        actor: Actor<'_>,
    ) -> Result<Revived, StoreError> {
        Ok(sqlx::query_as!(
            Revived,
            r#"
            WITH page AS MATERIALIZED (
                SELECT id, seq FROM quittance.outbox_deliveries
                WHERE destination = $1 AND state = 'dead' AND ended_at IS NOT NULL AND seq > $5
                  AND ($2::uuid[] = '{}' OR id = ANY ($2))
                ORDER BY seq
                LIMIT $6
            ),
            locked AS MATERIALIZED ( -- as quittance.lock_letters does
                SELECT o.id FROM quittance.outbox_deliveries AS o
                JOIN page AS p ON p.id = o.id
                WHERE o.destination = $1 AND o.state = 'dead'
                ORDER BY o.id
                FOR NO KEY UPDATE OF o
            ),
            revived AS (
                UPDATE quittance.outbox_deliveries AS o
                SET state = 'pending', ended_at = NULL, attempts = 0, due_at = clock_timestamp()
                FROM locked AS l
                WHERE o.destination = $1 AND o.id = l.id
                RETURNING o.id
            ),
            marked AS (
                UPDATE quittance.dead_letters AS l
                SET state = 'retrying', retries = l.retries + 1, snoozed_until = NULL,
                    updated_at = clock_timestamp()
                FROM revived AS r
                WHERE l.event_id = r.id || '@' || $1 AND l.state IN ('open', 'retrying')
            ),
            total AS (SELECT count(*) AS count FROM revived),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, count, details)
                SELECT $3, 'outbox.retry', 'outbox:' || $1, $4, t.count,
                       jsonb_build_object('ids', to_jsonb($2::uuid[]))
                FROM total AS t
                WHERE t.count > 0
            )
            SELECT t.count AS "count!",
                   ARRAY(SELECT id FROM revived WHERE $2::uuid[] <> '{}') AS "named!",
                   (SELECT max(seq) FROM page) AS last
            FROM total AS t
            "#,
            destination,
            ids,
            actor.name,
            actor.reason,
            after,
            most,
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
