//! Upkeep of commands: an operator revives or abandons a dead one, a reference is given back, and old ones are
//! removed.

use std::time::Duration;

use uuid::Uuid;

use super::stored::StoredAnswer;
use crate::connect::Store;
use crate::error::StoreError;

impl Store {
    /// Has a dead command investigated once more. False: it is not dead.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn revive_command(
        &self,
        id: Uuid,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query_scalar!(
            r#"
            WITH revived AS (
                UPDATE quittance.commands
                SET state = 'unknown', due_at = clock_timestamp(), attempts = 0,
                    updated_at = clock_timestamp()
                WHERE id = $1 AND state = 'dead'
                RETURNING id
            ),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, count)
                SELECT $2, 'command.retry', 'command:' || r.id, $3, 1 FROM revived AS r
            )
            SELECT count(*) AS "count!" FROM revived
            "#,
            id,
            actor,
            reason,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(done > 0)
    }

    /// Closes a dead command as refused, by an operator's word that it had no effect: its reference is free
    /// again, and what it reserved, too. False: it is not dead.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn abandon_command(
        &self,
        id: Uuid,
        actor: &str,
        reason: &str,
        answer: &StoredAnswer,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query_scalar!(
            r#"
            WITH abandoned AS (
                UPDATE quittance.commands
                SET state = 'refused', failure = 'abandoned', holds_reference = false,
                    answer_status = $4, answer = $5, closed_at = clock_timestamp(),
                    updated_at = clock_timestamp()
                WHERE id = $1 AND state = 'dead'
                RETURNING id
            ),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, count)
                SELECT $2, 'command.abandon', 'command:' || a.id, $3, 1 FROM abandoned AS a
            )
            SELECT count(*) AS "count!" FROM abandoned
            "#,
            id,
            actor,
            reason,
            i32::from(answer.status),
            answer.body,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(done > 0)
    }

    /// Gives the reference of a command back, whose payment was cancelled.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn release_reference(&self, id: Uuid) -> Result<(), StoreError> {
        sqlx::query!("UPDATE quittance.commands SET holds_reference = false WHERE id = $1", id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Removes up to `most` closed commands that are older than `age`, but for those that have a reference:
    /// without them a purchase could be paid twice.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn prune_commands(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            r#"
            DELETE FROM quittance.commands AS c
            USING (SELECT id FROM quittance.commands
                   WHERE state IN ('done', 'refused') AND NOT holds_reference
                     AND created_at < clock_timestamp() - make_interval(secs => $1)
                   ORDER BY created_at
                   LIMIT $2
                   FOR UPDATE SKIP LOCKED) AS old
            WHERE c.id = old.id
            "#,
            age.as_secs_f64(),
            i64::from(most),
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
