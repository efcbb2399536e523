//! Removing a destination for good.

use crate::store::connect::Store;
use crate::store::dead_letter::Actor;
use crate::store::error::StoreError;

impl Store {
    /// Removes up to `most` deliveries of a destination; says how many. Its dead letters among them are
    /// discarded: what they are about will never be sent.
    ///
    /// # Errors
    /// Postgres.
    pub async fn remove_deliveries(
        &self,
        destination: &str,
        most: i64,
        actor: Actor<'_>,
    ) -> Result<u64, StoreError> {
        let removed = sqlx::query_scalar!(
            r#"
            WITH removed AS (
                DELETE FROM quittance.outbox_deliveries AS d
                USING (SELECT id FROM quittance.outbox_deliveries
                       WHERE destination = $1
                       LIMIT $2) AS page
                WHERE d.id = page.id AND d.destination = $1
                RETURNING d.id, d.died
            ),
            discarded AS (
                UPDATE quittance.dead_letters AS l
                SET state = 'discarded', resolved_at = clock_timestamp(), snoozed_until = NULL,
                    updated_at = clock_timestamp(), discarded_by = $3,
                    discard_reason = coalesce($4, 'the destination was removed')
                FROM removed AS r
                WHERE r.died AND l.event_id = r.id || '@' || $1 AND l.state IN ('open', 'retrying')
            )
            SELECT count(*) AS "removed!" FROM removed
            "#,
            destination,
            most,
            actor.name,
            actor.reason,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(removed.unsigned_abs())
    }

    /// Removes a destination of which no deliveries are left, and notes who did it. `deliveries` is for
    /// the audit log: how many were removed before.
    ///
    /// # Errors
    /// Postgres.
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
