//! What a relay does: open a destination, hand out, claim, mark.
//!
//! Its statements are all planned as nested loops over indexes ([`Store::for_relay`]): how much waits
//! is not known when a statement is prepared.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

use crate::connect::Store;
use crate::dead_letter::{DeadLetterReason, Words, words};
use crate::error::StoreError;
use quittance_config::Start;

/// Deliveries of one destination that may be pending before no more are handed out to it. What still
/// lies in the outbox needs no row for each destination, and nobody counts it for the metrics.
const MOST_PENDING: i32 = 20_000;

/// A notification that is ours to send until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its stable id.
    pub id: Uuid,
    /// What it says.
    pub topic: String,
    /// The whole of it, as JSON.
    pub body: String,
    /// Failed attempts so far.
    pub attempts: u32,
    /// The number of the claim, its own among all claims.
    pub claim: i64,
    /// When it became due, by the clock of Postgres.
    pub due_at: OffsetDateTime,
}

/// What becomes of deliveries that were not made, all for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered<'a> {
    /// Which ones.
    pub claimed: &'a [&'a Claimed],
    /// When to try again; none: never by itself, for this reason.
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
    /// Wakes with everything that this process writes into the outbox.
    #[must_use]
    pub fn told(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }

    /// Makes a destination known, at its first start; later it goes on where it was.
    ///
    /// # Errors
    /// Postgres.
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

    /// Hands the next rows of the outbox out to a destination, which wants `topics`, or everything
    /// if there are none. Says how many it has come past, wanted or not.
    ///
    /// # Errors
    /// Postgres.
    pub async fn hand_out(
        &self,
        destination: &str,
        topics: &[String],
        most: i32,
    ) -> Result<i32, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"SELECT quittance.outbox_hand_out($1, $2, $3, $4) AS "passed!""#,
            destination,
            topics,
            most,
            MOST_PENDING,
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Claims what is due, at most one of each object, the longest due first.
    ///
    /// # Errors
    /// Postgres.
    pub async fn claim(
        &self,
        destination: &str,
        most: i64,
        lease: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.claim_since(destination, None, most, lease).await
    }

    /// The same, without what became due before `since`. What was claimed lately is still in the
    /// index until a vacuum, and longer while an old snapshot is held: one who claims again and again
    /// passes over it.
    ///
    /// # Errors
    /// Postgres.
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

    /// Gives claims back: what was not sent can be claimed at once.
    ///
    /// # Errors
    /// Postgres. Then it is due when the lease ends.
    pub async fn give_back(
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

    /// Notes what has arrived, and resolves the dead letter of what had been given up. True whoever
    /// says so, so it needs no valid claim.
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

    /// Notes what has not arrived, and what becomes of it. What is given up becomes a dead letter.
    /// Nothing changes when the lease was over and another relay has claimed it since.
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
