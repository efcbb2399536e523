//! Retention: removal of old records. Each batch adds a row to the audit log, in the same statement.
//!
//! One process at a time removes records, under a lock; others skip the batch.

use std::time::Duration;

use super::connect::Store;
use super::dead_letter::DeadLetterState;
use super::error::StoreError;

/// Result of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// Number of removed records; there may be more.
    More(u64),
    /// Number of removed records; there are no more.
    Last(u64),
    /// Another process holds the lock.
    Elsewhere,
}

impl Batch {
    fn of(mine: bool, removed: i64, most: i64) -> Self {
        match (mine, removed.unsigned_abs()) {
            (false, _) => Self::Elsewhere,
            (true, count) if removed < most => Self::Last(count),
            (true, count) => Self::More(count),
        }
    }
}

impl Store {
    /// Removes up to `most` dead letters that were resolved or discarded longer ago than `age`; with a notification's
    /// dead letter also its dead delivery, for which the notification was kept. The audit log still has who discarded
    /// them, and why.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn remove_dead_letters(
        &self,
        ended: DeadLetterState,
        age: Duration,
        most: i64,
    ) -> Result<Batch, StoreError> {
        let row = sqlx::query!(
            r#"
            WITH lock AS MATERIALIZED (
                SELECT pg_try_advisory_xact_lock(hashtextextended('quittance:retention', 0)) AS mine
            ),
            old AS (
                SELECT d.id
                FROM quittance.dead_letters AS d
                WHERE (SELECT mine FROM lock)
                  -- An open one has no such time: it is never removed.
                  AND d.resolved_at < now() - make_interval(secs => $2)
                  AND d.state = $1 AND d.state IN ('resolved', 'discarded')
                ORDER BY d.resolved_at
                LIMIT $3
            ),
            -- In the order in which every writer of a letter locks. By then one may be open again.
            locked AS MATERIALIZED (
                SELECT l.id FROM quittance.lock_letters(ARRAY(SELECT id FROM old)) AS l
                WHERE l.state = $1
            ),
            removed AS (
                DELETE FROM quittance.dead_letters AS d
                USING locked AS l WHERE d.id = l.id
                RETURNING d.notification, d.endpoint, d.resolved_at
            ),
            forgotten AS (
                DELETE FROM quittance.outbox_deliveries AS o
                USING removed AS r
                WHERE o.id = r.notification AND o.destination = r.endpoint AND o.state = 'dead'
            ),
            total AS (SELECT count(*) AS count, max(resolved_at) AS upto FROM removed),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, count, details)
                SELECT 'quittance', 'retention.remove', 'dead_letters:' || $1, 'older than [retention] keeps',
                       t.count, jsonb_build_object('older_than_seconds', $2::float8, 'upto', t.upto)
                FROM total AS t WHERE t.count > 0
            )
            SELECT (SELECT mine FROM lock) AS "mine!", t.count AS "count!" FROM total AS t
            "#,
            ended.as_str(),
            age.as_secs_f64(),
            most,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Batch::of(row.mine, row.count, most))
    }

    /// Scans `most` attempts after the number `after`, and removes those older than `age` whose event has no dead
    /// letter. Returns the number to continue after; `None` at the end, or when the attempts are younger.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn remove_attempts(
        &self,
        after: i64,
        age: Duration,
        most: i64,
    ) -> Result<(Batch, Option<i64>), StoreError> {
        let row = sqlx::query!(
            r#"
            WITH lock AS MATERIALIZED (
                SELECT pg_try_advisory_xact_lock(hashtextextended('quittance:retention', 0)) AS mine
            ),
            -- In the order of their numbers, which is about that of their times, and needs no index
            -- that each attempt would have to pay for.
            seen AS MATERIALIZED (
                SELECT a.id, a.event_id, a.started_at
                FROM quittance.attempts AS a
                WHERE (SELECT mine FROM lock) AND a.id > $1
                ORDER BY a.id
                LIMIT $3
            ),
            removed AS (
                DELETE FROM quittance.attempts AS a
                USING seen AS s
                WHERE a.id = s.id AND s.started_at < now() - make_interval(secs => $2)
                  AND NOT EXISTS (
                      SELECT FROM quittance.dead_letters AS d WHERE d.event_id = s.event_id)
                RETURNING s.started_at
            ),
            total AS (SELECT count(*) AS count, max(started_at) AS upto FROM removed),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, count, details)
                SELECT 'quittance', 'retention.remove', 'attempts', 'older than [retention] keeps',
                       t.count, jsonb_build_object('older_than_seconds', $2::float8, 'upto', t.upto)
                FROM total AS t WHERE t.count > 0
            )
            SELECT (SELECT mine FROM lock) AS "mine!", t.count AS "count!",
                   (SELECT max(s.id) FROM seen AS s
                    HAVING count(*) = $3
                       AND max(s.started_at) < now() - make_interval(secs => $2)) AS next
            FROM total AS t
            "#,
            after,
            age.as_secs_f64(),
            most,
        )
        .fetch_one(&self.pool)
        .await?;
        let removed = row.count.unsigned_abs();
        let batch = match (row.mine, row.next) {
            (false, _) => Batch::Elsewhere,
            (true, Some(_)) => Batch::More(removed),
            (true, None) => Batch::Last(removed),
        };
        Ok((batch, row.next))
    }

    /// Removes up to `most` rows of the audit log that are older than `age`.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn remove_audit(&self, age: Duration, most: i64) -> Result<Batch, StoreError> {
        let row = sqlx::query!(
            r#"
            WITH lock AS MATERIALIZED (
                SELECT pg_try_advisory_xact_lock(hashtextextended('quittance:retention', 0)) AS mine
            ),
            removed AS (
                DELETE FROM quittance.audit_log AS a
                USING (SELECT id, at FROM quittance.audit_log ORDER BY id LIMIT $2) AS oldest
                WHERE (SELECT mine FROM lock) AND a.id = oldest.id
                  AND oldest.at < now() - make_interval(secs => $1)
                RETURNING a.at
            ),
            total AS (SELECT count(*) AS count, max(at) AS upto FROM removed),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, count, details)
                SELECT 'quittance', 'retention.remove', 'audit_log', 'older than [retention] keeps',
                       t.count, jsonb_build_object('older_than_seconds', $1::float8, 'upto', t.upto)
                FROM total AS t WHERE t.count > 0
            )
            SELECT (SELECT mine FROM lock) AS "mine!", t.count AS "count!" FROM total AS t
            "#,
            age.as_secs_f64(),
            most,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Batch::of(row.mine, row.count, most))
    }
}
