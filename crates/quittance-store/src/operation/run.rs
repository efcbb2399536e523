//! Execution of bulk operations, page by page.

use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::id::OperationId;
use super::read::{Operation, OperationState, Record, Selection};
use crate::audit::Actor;
use crate::connect::Store;
use crate::dead_letter::{Act, Acted, ActedOn, Columns, DeadLetterId, Filter};
use crate::error::StoreError;

/// A new bulk operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOperation<'a> {
    /// The action.
    pub act: Act,
    /// The filter of the dead letters.
    pub selection: &'a Filter,
    /// The last letter; later ones are not included.
    pub upto: DeadLetterId,
    /// Period over which retries are spread.
    pub over: Duration,
    /// Number of dead letters that match now.
    pub total: i64,
    /// The operator and the reason.
    pub actor: Actor<'a>,
}

/// The right to run an operation. The caller that started or resumed it has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Running {
    /// The operation when the right was granted.
    pub operation: Operation,
    pub(super) runner: Uuid,
}

/// A dead letter that was skipped, and why.
pub type Refused = (DeadLetterId, Acted);

/// Result of the request to cancel an operation.
#[derive(Debug, PartialEq, Eq)]
pub enum Cancelling {
    /// Another process runs it, and cancels it before its next page.
    ByItsRunner(Operation),
    /// No process ran it: the caller must run it, to end it.
    ByCaller(Running),
}

impl Cancelling {
    /// The current operation.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        match self {
            Self::ByItsRunner(operation) => operation,
            Self::ByCaller(running) => &running.operation,
        }
    }
}

impl Store {
    /// Records the start of an operation, also in the audit log.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn begin_operation(&self, new: &NewOperation<'_>) -> Result<Running, StoreError> {
        let NewOperation { act, selection, upto, over, total, actor } = new;
        let runner = Uuid::new_v4();
        // Serializing a filter cannot fail.
        let selection = serde_json::to_value(selection).unwrap_or_default();
        let over_ms = i64::try_from(over.as_millis()).unwrap_or(i64::MAX);
        let record = sqlx::query_as!(
            Record,
            r#"
            WITH begun AS (
                INSERT INTO quittance.operations (
                    verb, selection, upto, over_ms, until, actor, reason, total, runner)
                VALUES ($1, $2, $3, nullif($4::bigint, 0), $5, $6, $7, $8, $9)
                RETURNING *
            ),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, count, details)
                SELECT b.actor, 'dead_letter.' || b.verb, 'operation:' || b.id, b.reason, b.total,
                       jsonb_strip_nulls(jsonb_build_object(
                           'selection', b.selection, 'over_ms', b.over_ms, 'until', b.until))
                FROM begun AS b
            )
            SELECT id, verb, selection, upto, over_ms, until, actor, reason, state, total, done,
                   failed, reached, cancel_requested, error, created_at, heartbeat_at, ended_at
            FROM begun
            "#,
            act.word().as_str(),
            selection,
            upto.get(),
            over_ms,
            act.until() as Option<OffsetDateTime>,
            actor.name,
            actor.reason,
            total,
            runner,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Running { operation: record.try_into()?, runner })
    }

    /// Resumes an operation that was interrupted or cancelled, including the retries that a cancel took back. `None`:
    /// there is no such operation, it is done, or another process runs it.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn resume_operation(
        &self,
        id: OperationId,
        actor: Actor<'_>,
    ) -> Result<Option<Running>, StoreError> {
        let runner = Uuid::new_v4();
        let record = sqlx::query_as!(
            Record,
            r#"
            WITH resumed AS (
                UPDATE quittance.operations
                SET state = 'running', runner = $2, cancel_requested = false, error = NULL,
                    ended_at = NULL, heartbeat_at = clock_timestamp(),
                    reached = least(reached, (
                        SELECT min(r.letter) - 1 FROM quittance.operation_results AS r
                        WHERE r.operation = $1 AND NOT r.ok AND r.result = 'taken_back'))
                WHERE id = $1
                  AND (state IN ('interrupted', 'cancelled')
                       OR (state = 'running' AND heartbeat_at < now() - interval '1 minute'))
                RETURNING *
            ),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, count)
                SELECT $3, 'operation.resume', 'operation:' || r.id, $4,
                       r.total - r.done - r.failed
                FROM resumed AS r
            )
            SELECT id, verb, selection, upto, over_ms, until, actor, reason, state, total, done,
                   failed, reached, cancel_requested, error, created_at, heartbeat_at, ended_at
            FROM resumed
            "#,
            id.get(),
            runner,
            actor.name,
            actor.reason,
        )
        .fetch_optional(&self.pool)
        .await?;
        let running = |record: Record| Ok(Running { operation: record.try_into()?, runner });
        record.map(running).transpose()
    }

    /// Renews the heartbeat of an operation, and reads it. `None`: another process runs it now, or it has ended.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn touch_operation(
        &self,
        running: &Running,
    ) -> Result<Option<Operation>, StoreError> {
        let record = sqlx::query_as!(
            Record,
            r#"
            UPDATE quittance.operations
            SET heartbeat_at = clock_timestamp()
            WHERE id = $1 AND runner = $2 AND state = 'running'
            RETURNING id, verb, selection, upto, over_ms, until, actor, reason, state, total, done,
                      failed, reached, cancel_requested, error, created_at, heartbeat_at, ended_at
            "#,
            running.operation.id.get(),
            running.runner,
        )
        .fetch_optional(&self.pool)
        .await?;
        record.map(Operation::try_from).transpose()
    }

    /// Reads the next dead letters of an operation, oldest first: those that still match and were not processed, and
    /// those whose retry a cancel took back.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn operation_page(
        &self,
        operation: &Operation,
        most: u32,
    ) -> Result<Vec<DeadLetterId>, StoreError> {
        let selection = match &operation.selection {
            Selection::Letters(filter) => filter.to_json(),
            // No dead letter is among them.
            Selection::Refunds(_) | Selection::Backfill(_) => return Ok(Vec::new()),
        };
        let ids = sqlx::query_scalar!(
            r#"
            SELECT id AS "id!"
            FROM (
                (SELECT l.id FROM quittance.letters_where($1) AS l
                 WHERE l.id > $2 AND l.id <= $3
                   AND NOT EXISTS (SELECT FROM quittance.operation_results AS r
                                   WHERE r.operation = $5 AND r.letter = l.id)
                 ORDER BY l.id
                 LIMIT $4)
                UNION
                -- By its retry a letter may have left the selection: it is snoozed no longer, for one.
                (SELECT r.letter FROM quittance.operation_results AS r
                 JOIN quittance.dead_letters AS d ON d.id = r.letter AND d.state = 'open'
                 WHERE r.operation = $5 AND r.letter > $2 AND NOT r.ok AND r.result = 'taken_back'
                 ORDER BY r.letter
                 LIMIT $4)
            ) AS page
            ORDER BY id
            LIMIT $4
            "#,
            selection,
            operation.reached,
            operation.upto,
            i64::from(most),
            operation.id.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(DeadLetterId).collect())
    }

    /// Processes a page of dead letters and records the results, in one transaction. `upto` is the last dead letter
    /// of the page. `None`: another process runs the operation now, or it has ended; nothing was done.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; nothing is done then.
    pub async fn operate(
        &self,
        running: &Running,
        dead_letters: &[ActedOn],
        refused: &[Refused],
        upto: DeadLetterId,
    ) -> Result<Option<Operation>, StoreError> {
        let Columns { ids, deaths, waits } = dead_letters.into();
        let refused: Vec<_> = refused
            .iter()
            .map(|(dead_letter, why)| json!({"letter": dead_letter, "result": why.as_str()}))
            .collect();
        let record = sqlx::query_as!(
            Record,
            r#"
            SELECT id AS "id!", verb AS "verb!", selection AS "selection!", upto AS "upto!",
                   over_ms, until, actor AS "actor!", reason, state AS "state!", total AS "total!",
                   done AS "done!", failed AS "failed!", reached AS "reached!",
                   cancel_requested AS "cancel_requested!", error, created_at AS "created_at!",
                   heartbeat_at AS "heartbeat_at!", ended_at
            FROM quittance.operate($1, $2, $3, $4, $5, $6, $7)
            "#,
            running.operation.id.get(),
            running.runner,
            &ids,
            &deaths,
            &waits,
            serde_json::Value::Array(refused),
            upto.get(),
        )
        .fetch_optional(&self.pool)
        .await?;
        record.map(Operation::try_from).transpose()
    }

    /// Counts the retries of an operation that a cancel took back.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn taken_back(&self, id: OperationId) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"
            SELECT count(*) AS "count!" FROM quittance.operation_results
            WHERE operation = $1 AND NOT ok AND result = 'taken_back'
            "#,
            id.get(),
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Takes back the retries of one page of an operation that is being cancelled, if they were not processed yet:
    /// of up to `most` dead letters after `after`. Returns the dead letter to continue after, `Some(None)` after the
    /// last page. `None`: another process runs the operation now, or it has ended.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; nothing is done then.
    pub async fn take_back(
        &self,
        running: &Running,
        after: Option<DeadLetterId>,
        most: u32,
    ) -> Result<Option<Option<DeadLetterId>>, StoreError> {
        let last = sqlx::query_scalar!(
            "SELECT last FROM quittance.take_back($1, $2, $3, $4)",
            running.operation.id.get(),
            running.runner,
            after.map_or(0, DeadLetterId::get),
            i32::try_from(most).unwrap_or(i32::MAX),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(last.map(|last| last.map(DeadLetterId)))
    }

    /// Records the end of an operation, also in the audit log. `None`: another process runs it now, it has ended
    /// before, or it is not `done` because a cancel was requested in the meantime.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn end_operation(
        &self,
        running: &Running,
        state: OperationState,
        error: Option<&str>,
    ) -> Result<Option<Operation>, StoreError> {
        let record = sqlx::query_as!(
            Record,
            r#"
            WITH ended AS (
                UPDATE quittance.operations
                SET state = $3, error = $4, ended_at = clock_timestamp(),
                    heartbeat_at = clock_timestamp()
                WHERE id = $1 AND runner = $2 AND state = 'running'
                  AND NOT (cancel_requested AND $3 = 'done')
                RETURNING *
            ),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, count, details)
                SELECT e.actor, 'operation.' || e.state, 'operation:' || e.id, e.reason, e.done,
                       jsonb_strip_nulls(jsonb_build_object(
                           'failed', e.failed, 'total', e.total, 'error', e.error,
                           'taken_back', nullif(b.count, 0)))
                FROM ended AS e
                CROSS JOIN LATERAL (
                    SELECT count(*) FROM quittance.operation_results AS r
                    WHERE r.operation = e.id AND NOT r.ok AND r.result = 'taken_back') AS b
            )
            SELECT id, verb, selection, upto, over_ms, until, actor, reason, state, total, done,
                   failed, reached, cancel_requested, error, created_at, heartbeat_at, ended_at
            FROM ended
            "#,
            running.operation.id.get(),
            running.runner,
            state.as_str(),
            error,
        )
        .fetch_optional(&self.pool)
        .await?;
        record.map(Operation::try_from).transpose()
    }

    /// Requests the cancel of an operation: its process ends it before the next page, and takes back the retries that
    /// were enqueued and not processed yet. If no process runs it, the caller gets the right to run it. `None`:
    /// there is no such operation, or nothing is left to cancel.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn cancel_operation(
        &self,
        id: OperationId,
        actor: Actor<'_>,
    ) -> Result<Option<Cancelling>, StoreError> {
        let runner = Uuid::new_v4();
        let row = sqlx::query!(
            r#"
            SELECT id AS "id!", verb AS "verb!", selection AS "selection!", upto AS "upto!",
                   over_ms, until, actor AS "actor!", reason, state AS "state!", total AS "total!",
                   done AS "done!", failed AS "failed!", reached AS "reached!",
                   cancel_requested AS "cancel_requested!", error, created_at AS "created_at!",
                   heartbeat_at AS "heartbeat_at!", ended_at, runner = $4 AS "mine!"
            FROM quittance.cancel_operation($1, $2, $3, $4)
            "#,
            id.get(),
            actor.name,
            actor.reason,
            runner,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let operation = Operation::try_from(Record {
            id: row.id,
            verb: row.verb,
            selection: row.selection,
            upto: row.upto,
            over_ms: row.over_ms,
            until: row.until,
            actor: row.actor,
            reason: row.reason,
            state: row.state,
            total: row.total,
            done: row.done,
            failed: row.failed,
            reached: row.reached,
            cancel_requested: row.cancel_requested,
            error: row.error,
            created_at: row.created_at,
            heartbeat_at: row.heartbeat_at,
            ended_at: row.ended_at,
        })?;
        Ok(Some(if row.mine {
            Cancelling::ByCaller(Running { operation, runner })
        } else {
            Cancelling::ByItsRunner(operation)
        }))
    }
}
