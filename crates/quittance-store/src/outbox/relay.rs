//! Statements of the relay: open a destination, fan out, claim, record outcomes.
//!
//! They are all planned as nested loops over indexes ([`Store::for_relay`]), because the size of the backlog is
//! not known when a statement is prepared.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

use crate::connect::Store;
use crate::dead_letter::{DeadLetterReason, Words, words};
use crate::error::StoreError;
use quittance_config::Start;

/// Pending deliveries of one destination from which on no more rows are fanned out to it. The rest of the
/// backlog stays in the outbox, where it needs no row per destination and no counting for the metrics.
const MOST_PENDING: i32 = 20_000;

/// A claimed delivery, which no other relay sends until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its stable id.
    pub id: Uuid,
    /// Its topic.
    pub topic: String,
    /// The whole notification, as JSON.
    pub body: String,
    /// Failed attempts so far.
    pub attempts: u32,
    /// The number of the claim, unique among all claims.
    pub claim: i64,
    /// When it became due, by the clock of Postgres.
    pub due_at: OffsetDateTime,
}

/// Deliveries that failed for one reason, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered<'a> {
    /// The deliveries.
    pub claimed: &'a [&'a Claimed],
    /// Delay before the next attempt, or the reason for dead-lettering.
    pub again: Result<Duration, DeadLetterReason>,
    /// Whether it counts as an attempt.
    pub counts: bool,
    /// The class of the failure.
    pub class: &'a str,
    /// A stable word for the failure.
    pub code: &'a str,
    /// The failure in words.
    pub message: &'a str,
}

impl Store {
    /// Returns a channel that changes whenever this process has written to the outbox.
    #[must_use]
    pub fn outbox_writes(&self) -> watch::Receiver<u64> {
        self.outbox_writes.subscribe()
    }

    /// Creates a destination that starts at `start`; one that exists keeps its cursor.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn open_destination(&self, name: &str, start: Start) -> Result<(), StoreError> {
        // "Now" is before the oldest transaction that is still running: none of its rows is lost.
        sqlx::query!(
            r#"
            INSERT INTO quittance.outbox_destinations (name, xid, seq)
            VALUES ($1, CASE WHEN $2 THEN pg_snapshot_xmin(pg_current_snapshot()) ELSE '0'::xid8 END,
                    0)
            ON CONFLICT (name) DO NOTHING
            "#,
            name,
            start == Start::Now,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Makes deliveries to a destination of the next rows of the outbox, of `topics`, or of all if there are
    /// none. Returns how many rows the destination's cursor has moved, whatever their topics.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn fan_out(
        &self,
        destination: &str,
        topics: &[String],
        most: i32,
    ) -> Result<i32, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"SELECT quittance.outbox_fan_out($1, $2, $3, $4) AS "passed!""#,
            destination,
            topics,
            most,
            MOST_PENDING,
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Claims deliveries that are due, at most one per object, the longest due first.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn claim(
        &self,
        destination: &str,
        most: i64,
        lease: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.claim_since(destination, None, most, lease).await
    }

    /// Claims like [`Self::claim`], without what became due before `since`. What was claimed recently stays in
    /// the index until a vacuum, and longer while an old snapshot is open: a relay that claims again and again
    /// skips it.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn claim_since(
        &self,
        destination: &str,
        since: Option<OffsetDateTime>,
        most: i64,
        lease: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        let rows = sqlx::query!(
            r#"
            WITH due AS MATERIALIZED (
                SELECT q.queue, q.due_at
                FROM quittance.outbox_queues AS q
                WHERE q.destination = $1
                  -- Not clock_timestamp(): that is no condition for an index.
                  AND q.due_at <= statement_timestamp()
                  AND q.due_at >= coalesce($4, '-infinity'::timestamptz)
                ORDER BY q.due_at
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            ),
            claimed AS (
                UPDATE quittance.outbox_queues AS q
                SET due_at = clock_timestamp() + make_interval(secs => $3),
                    claim = nextval('quittance.outbox_claims')
                FROM due
                WHERE q.queue = due.queue
                RETURNING q.head, q.head_id, q.attempts, q.claim, due.due_at
            )
            SELECT o.id, o.topic, quittance.outbox_body(o)::text AS "body!", c.attempts,
                   c.claim, c.due_at
            FROM claimed AS c
            JOIN quittance.outbox AS o ON o.id = c.head_id
            ORDER BY c.due_at, c.head
            "#,
            destination,
            most,
            lease.as_secs_f64(),
            since,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| Claimed {
                id: row.id,
                topic: row.topic,
                body: row.body,
                attempts: u32::try_from(row.attempts).unwrap_or(0),
                claim: row.claim,
                due_at: row.due_at,
            })
            .collect())
    }

    /// Releases claims: what was not sent can be claimed at once.
    ///
    /// # Errors
    /// Postgres. Then it is due when the lease ends.
    pub async fn release_claims(
        &self,
        destination: &str,
        claimed: &[Claimed],
    ) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = claimed.iter().map(|one| one.id).collect();
        let claims: Vec<i64> = claimed.iter().map(|one| one.claim).collect();
        sqlx::query!(
            r#"
            WITH mine AS MATERIALIZED (
                SELECT q.queue
                FROM unnest($2::uuid[], $3::bigint[]) AS c (id, claim)
                JOIN quittance.outbox_deliveries AS d ON d.destination = $1 AND d.id = c.id
                JOIN quittance.outbox_queues AS q
                  ON q.queue = d.queue AND q.head = d.seq AND q.claim = c.claim
                ORDER BY q.queue
                FOR UPDATE OF q
            )
            UPDATE quittance.outbox_queues AS q
            SET due_at = clock_timestamp(), claim = 0
            FROM mine AS m
            WHERE q.queue = m.queue
            "#,
            destination,
            &ids,
            &claims,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Records deliveries, and resolves their dead letters if there are any. Needs no valid claim: whichever
    /// relay delivered it, it is delivered.
    ///
    /// # Errors
    /// Postgres. Then it will be sent once more.
    pub async fn mark_delivered(&self, destination: &str, ids: &[Uuid]) -> Result<(), StoreError> {
        sqlx::query!(
            r#"
            WITH delivered AS (
                UPDATE quittance.outbox_deliveries
                SET state = 'delivered', ended_at = clock_timestamp(), failure = NULL,
                    failure_code = NULL
                WHERE destination = $1 AND id = ANY ($2) AND state <> 'delivered'
                RETURNING id, died
            )
            UPDATE quittance.dead_letters AS l
            SET state = 'resolved', resolved_at = clock_timestamp(), snoozed_until = NULL,
                updated_at = clock_timestamp()
            FROM delivered AS d
            WHERE d.died AND l.event_id = d.id || '@' || $1 AND l.state IN ('open', 'retrying')
            "#,
            destination,
            ids,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Records failed deliveries: they are retried or dead-lettered. Changes nothing where the lease has ended
    /// and another relay has claimed the delivery since.
    ///
    /// # Errors
    /// Postgres. Then it is due when the lease ends.
    pub async fn mark_undelivered(
        &self,
        destination: &str,
        undelivered: &Undelivered<'_>,
    ) -> Result<(), StoreError> {
        let Undelivered { claimed, again, counts, class, code, message } = undelivered;
        let ids: Vec<Uuid> = claimed.iter().map(|claimed| claimed.id).collect();
        let claims: Vec<i64> = claimed.iter().map(|claimed| claimed.claim).collect();
        let Words { message, cause, fingerprint } = words(class, code, (*message).to_owned());
        sqlx::query_file!(
            "src/outbox/undelivered.sql",
            destination,
            &ids,
            &claims,
            again.ok().map(|again| again.as_secs_f64()),
            *counts,
            *code,
            message,
            *class,
            again.err().map(DeadLetterReason::as_str),
            cause,
            fingerprint,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
