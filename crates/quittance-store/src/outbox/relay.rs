//! What a relay does: open a destination, hand out, claim, mark.

use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use crate::config::Start;
use crate::store::connect::Store;
use crate::store::dead_letter::{LetterReason, Words, words};
use crate::store::error::StoreError;

/// Deliveries of one destination that may be pending before no more are handed out to it. What is
/// pending is looked through with each claim; what still lies in the outbox is not.
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
    /// Which claim of this delivery it is.
    pub claim: i32,
}

/// What becomes of deliveries that were not made, all for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered<'a> {
    /// Which ones.
    pub claimed: &'a [&'a Claimed],
    /// When to try again; none: never by itself, for this reason.
    pub again: Result<Duration, LetterReason>,
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

    /// Claims what is due, at most one of each object.
    ///
    /// # Errors
    /// Postgres.
    pub async fn claim(
        &self,
        destination: &str,
        most: i64,
        lease: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        let rows = sqlx::query!(
            r#"
            WITH due AS MATERIALIZED (
                SELECT d.id
                FROM quittance.outbox_deliveries AS d
                WHERE d.destination = $1 AND d.state = 'pending' AND d.due_at <= clock_timestamp()
                  AND NOT EXISTS ( -- nothing of its object comes before it
                      SELECT FROM quittance.outbox_deliveries AS e
                      WHERE e.destination = d.destination AND e.object = d.object
                        AND e.state = 'pending' AND e.seq < d.seq)
                ORDER BY d.due_at
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
            UPDATE quittance.outbox_deliveries AS d
            SET due_at = clock_timestamp() + make_interval(secs => $3), claims = d.claims + 1
            FROM due
            JOIN quittance.outbox AS o ON o.id = due.id
            WHERE d.id = due.id AND d.destination = $1
            RETURNING o.id, o.topic, quittance.outbox_body(o)::text AS "body!", d.attempts, d.claims
            "#,
            destination,
            most,
            lease.as_secs_f64(),
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
                claim: row.claims,
            })
            .collect())
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
    /// Nothing changes when the lease was over and somebody else has claimed it since.
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
        let claims: Vec<i32> = claimed.iter().map(|claimed| claimed.claim).collect();
        let Words { message, cause, fingerprint } = words(class, code, (*message).to_owned());
        sqlx::query_file!(
            "src/store/outbox/undelivered.sql",
            destination,
            &ids,
            &claims,
            again.ok().map(|again| again.as_secs_f64()),
            *counts,
            *code,
            message,
            *class,
            again.err().map(LetterReason::as_str),
            cause,
            fingerprint,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
