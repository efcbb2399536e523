//! Removal of a destination.

use uuid::Uuid;

use crate::audit::Actor;
use crate::connect::Store;
use crate::error::StoreError;

/// Result of removing a destination's deliveries from one page of all deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedPage {
    /// Deliveries that were removed.
    pub removed: u64,
    /// Where the next page begins; none at the end.
    pub next: Option<(Uuid, String)>,
}

impl Store {
    /// Removes the deliveries of a destination among the `most` that come after one of them (none: from the
    /// beginning). Its dead letters among them are discarded, because they will never be sent.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn remove_deliveries(
        &self,
        destination: &str,
        after: Option<&(Uuid, String)>,
        most: i64,
        actor: Actor<'_>,
    ) -> Result<RemovedPage, StoreError> {
        let row = sqlx::query!(
            r#"
            WITH page AS MATERIALIZED (
                SELECT d.id, d.destination
                FROM quittance.outbox_deliveries AS d
                WHERE (d.id, d.destination) > ($2::uuid, $3::text)
                ORDER BY d.id, d.destination
                LIMIT $4
            ),
            locked AS MATERIALIZED ( -- as quittance.lock_letters does
                SELECT d.id
                FROM quittance.outbox_deliveries AS d
                JOIN page AS p ON p.id = d.id AND p.destination = d.destination
                WHERE d.destination = $1
                ORDER BY d.id
                FOR UPDATE OF d
            ),
            removed AS (
                DELETE FROM quittance.outbox_deliveries AS d
                USING locked AS l
                WHERE d.id = l.id AND d.destination = $1
                RETURNING d.id, d.died
            ),
            discarded AS (
                UPDATE quittance.dead_letters AS l
                SET state = 'discarded', resolved_at = clock_timestamp(), snoozed_until = NULL,
                    updated_at = clock_timestamp(), discarded_by = $5,
                    discard_reason = coalesce($6, 'the destination was removed')
                FROM removed AS r
                WHERE r.died AND l.event_id = r.id || '@' || $1 AND l.state IN ('open', 'retrying')
            )
            SELECT (SELECT count(*) FROM removed) AS "removed!", l.id AS "id?",
                   l.destination AS "destination?"
            FROM (SELECT count(*) AS count FROM page) AS c
            LEFT JOIN LATERAL (
                SELECT p.id, p.destination FROM page AS p
                WHERE c.count = $4
                ORDER BY p.id DESC, p.destination DESC
                LIMIT 1) AS l ON true
            "#,
            destination,
            after.map_or(Uuid::nil(), |(id, _)| *id),
            after.map_or("", |(_, destination)| destination),
            most,
            actor.name,
            actor.reason,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(RemovedPage { removed: row.removed.unsigned_abs(), next: row.id.zip(row.destination) })
    }

    /// Removes a destination that has no deliveries left, and writes the audit log. `deliveries`: how many
    /// were removed before, for the audit log.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn remove_destination(
        &self,
        destination: &str,
        deliveries: u64,
        actor: Actor<'_>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            r#"
            WITH removed AS (
                DELETE FROM quittance.outbox_destinations WHERE name = $1 RETURNING name
            ),
            unclaimed AS (
                DELETE FROM quittance.outbox_queues WHERE destination = $1
            )
            INSERT INTO quittance.audit_log (actor, verb, target, reason, count)
            SELECT $2, 'outbox.remove', 'outbox:' || r.name, $3, $4 FROM removed AS r
            "#,
            destination,
            actor.name,
            actor.reason,
            i64::try_from(deliveries).unwrap_or(i64::MAX),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
