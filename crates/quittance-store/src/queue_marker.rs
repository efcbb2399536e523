//! Record of the queue's marker in Redis, for the detection of lost jobs.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;

use super::audit::Actor;
use super::connect::Store;
use super::error::StoreError;

/// The record of a queue's marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMemory {
    /// The epoch of the marker in Redis.
    pub epoch: String,
    /// Number of checks of the marker, as counted in Redis.
    pub beat: i64,
    /// Time before which all received events are processed.
    pub finished_until: OffsetDateTime,
    /// A loss that no operator has acknowledged.
    pub loss: Option<QueueLoss>,
}

/// A loss of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueLoss {
    /// When it was detected; of several losses, the first.
    pub noticed_at: OffsetDateTime,
    /// Description of what was missing; empty if unknown.
    pub what: String,
    /// Events received from this time on may be missing.
    pub since: OffsetDateTime,
}

/// Result of a check of the marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSeen {
    /// The epoch.
    pub epoch: String,
    /// Number of checks of the marker; `None` if they could not be counted.
    pub beat: Option<i64>,
    /// Time before which all received events are processed; `None` if unknown.
    pub finished_until: Option<OffsetDateTime>,
}

const COLUMNS: &str = "epoch, beat, finished_until, lost_at, lost_what, lost_since";

fn loss(row: &PgRow) -> Result<Option<QueueLoss>, sqlx::Error> {
    let noticed_at: Option<OffsetDateTime> = row.try_get("lost_at")?;
    let Some(noticed_at) = noticed_at else { return Ok(None) };
    Ok(Some(QueueLoss {
        noticed_at,
        what: row.try_get("lost_what")?,
        since: row.try_get("lost_since")?,
    }))
}

impl Store {
    /// Reads the record of a queue; `None` before its first check.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn queue_memory(&self, queue: &str) -> Result<Option<QueueMemory>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM quittance.queue_marker WHERE queue = $1");
        let row =
            sqlx::query(sqlx::AssertSqlSafe(query)).bind(queue).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(QueueMemory {
            epoch: row.try_get("epoch")?,
            beat: row.try_get("beat")?,
            finished_until: row.try_get("finished_until")?,
            loss: loss(&row)?,
        }))
    }

    /// Creates the record of a queue, unless another worker was faster. If the queue is too long to find out until
    /// when its jobs are processed, that time is as far back as Stripe lists events.
    ///
    /// # Errors
    /// As for [`Store::queue_memory`].
    pub async fn remember_queue(&self, queue: &str, seen: &QueueSeen) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO quittance.queue_marker (queue, epoch, beat, finished_until)
             VALUES ($1, $2, $3, coalesce($4, clock_timestamp() - interval '30 days'))
             ON CONFLICT (queue) DO NOTHING",
        )
        .bind(queue)
        .bind(&seen.epoch)
        .bind(seen.beat.unwrap_or_default())
        .bind(seen.finished_until)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Updates the record of a queue whose marker matches it.
    ///
    /// # Errors
    /// As for [`Store::queue_memory`].
    pub async fn queue_is_there(&self, queue: &str, seen: &QueueSeen) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE quittance.queue_marker
             SET beat = greatest(beat, $3),
                 finished_until = greatest(finished_until, $4),
                 checked_at = clock_timestamp()
             WHERE queue = $1 AND epoch = $2",
        )
        .bind(queue)
        .bind(&seen.epoch)
        .bind(seen.beat.unwrap_or_default())
        .bind(seen.finished_until)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Records a loss. `None` if another worker was faster: only one worker reports it.
    ///
    /// # Errors
    /// As for [`Store::queue_memory`].
    pub async fn queue_lost(
        &self,
        queue: &str,
        known: &QueueMemory,
        seen: &QueueSeen,
        what: &str,
    ) -> Result<Option<QueueLoss>, StoreError> {
        // The record must still be the one that the marker was compared with. In the same epoch, it is
        // the number of checks that decreased.
        let row = sqlx::query(
            "UPDATE quittance.queue_marker
             SET epoch = $3,
                 beat = $4,
                 finished_until = coalesce($5, finished_until),
                 checked_at = clock_timestamp(),
                 lost_at = coalesce(lost_at, clock_timestamp()),
                 lost_what = coalesce(nullif($6, ''), lost_what, ''),
                 lost_since = least(lost_since, finished_until)
             WHERE queue = $1 AND epoch = $2 AND (epoch <> $3 OR beat = $7)
             RETURNING lost_at, lost_what, lost_since",
        )
        .bind(queue)
        .bind(&known.epoch)
        .bind(&seen.epoch)
        .bind(seen.beat.unwrap_or_default())
        .bind(seen.finished_until)
        .bind(what)
        .bind(known.beat)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.as_ref().map(loss).transpose()?.flatten())
    }

    /// Acknowledges the loss of a queue, after an operator has replayed the lost events; also in the audit log.
    /// `None`: there is no loss.
    ///
    /// # Errors
    /// As for [`Store::queue_memory`]; nothing is changed then.
    pub async fn acknowledge_queue_loss(
        &self,
        queue: &str,
        actor: Actor<'_>,
    ) -> Result<Option<QueueLoss>, StoreError> {
        let row = sqlx::query(
            "WITH was AS (
                 SELECT queue, lost_at, lost_what, lost_since FROM quittance.queue_marker
                 WHERE queue = $1 AND lost_at IS NOT NULL FOR UPDATE
             ),
             ended AS (
                 UPDATE quittance.queue_marker AS m
                 SET lost_at = NULL, lost_what = NULL, lost_since = NULL
                 FROM was WHERE m.queue = was.queue
             ),
             noted AS (
                 INSERT INTO quittance.audit_log (actor, verb, target, reason, count, details)
                 SELECT $2, 'queue.acknowledge-loss', 'queue:' || was.queue, $3, 1,
                        jsonb_build_object(
                            'what', was.lost_what,
                            'noticed_at', floor(extract(epoch FROM was.lost_at)),
                            'since', floor(extract(epoch FROM was.lost_since)))
                 FROM was
             )
             SELECT lost_at, lost_what, lost_since FROM was",
        )
        .bind(queue)
        .bind(actor.name)
        .bind(actor.reason)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.as_ref().map(loss).transpose()?.flatten())
    }

    /// Whether there is a loss of any queue that no operator has acknowledged.
    ///
    /// # Errors
    /// As for [`Store::queue_memory`].
    pub async fn any_queue_lost(&self) -> Result<bool, StoreError> {
        let query = "SELECT EXISTS (SELECT FROM quittance.queue_marker WHERE lost_at IS NOT NULL)";
        Ok(sqlx::query_scalar(query).fetch_one(&self.pool).await?)
    }
}
