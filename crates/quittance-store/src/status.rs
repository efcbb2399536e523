//! Counts for the status of the system, which stay cheap for tables of any size.

use std::time::{Duration, Instant};

use serde::Serialize;
use sqlx::Executor as _;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::connect::Store;
use super::error::StoreError;

/// Number of dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct DeadLetterCounts {
    /// Open dead letters.
    pub open: i64,
    /// Open dead letters that were first dead-lettered within the last hour.
    pub new: i64,
    /// Snoozed dead letters.
    pub snoozed: i64,
    /// Dead letters whose job is back in the queue.
    pub retrying: i64,
    /// Dead letters of any state that were first dead-lettered within the last 24 hours.
    pub last_24_hours: i64,
    /// Open dead letters by the class of their failure, most first.
    pub classes: Vec<ClassCount>,
}

/// Number of open dead letters of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClassCount {
    /// `permanent`, `transient`, `rate_limited`, `unavailable`, `misconfigured`.
    pub class: String,
    /// Their number.
    pub count: i64,
}

/// Anomalies of the last 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct AnomalyCounts {
    /// Changes of status that the state machine does not have.
    pub transitions: i64,
    /// Responses of Stripe that stayed older than their event.
    pub behind_event: i64,
    /// Objects with a list that is longer than the part that is stored.
    pub cut_short: i64,
}

impl AnomalyCounts {
    /// Sum of all anomalies.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.transitions.saturating_add(self.behind_event).saturating_add(self.cut_short)
    }
}

impl Store {
    /// Counts the anomalies of the last 24 hours.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn anomaly_counts(&self) -> Result<AnomalyCounts, StoreError> {
        let counts = sqlx::query_as!(
            AnomalyCounts,
            r#"
            SELECT (SELECT count(*) FROM app.transitions
                    WHERE kind = 'anomalous' AND at > clock_timestamp() - interval '24 hours')
                       AS "transitions!",
                   count(*) FILTER (WHERE code = 'answer_behind_event') AS "behind_event!",
                   count(*) FILTER (WHERE code = 'list_cut_short')      AS "cut_short!"
            FROM quittance.attempts
            WHERE code IS NOT NULL AND outcome NOT IN ('failed', 'dead')
              AND started_at > clock_timestamp() - interval '24 hours'
            "#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(counts)
    }

    /// Measures the time of a trivial query on an open connection.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn latency(&self) -> Result<Duration, StoreError> {
        let mut connection = self.connection().await?;
        let measured = async {
            // The first query on a new connection includes part of opening it.
            connection.get()?.execute("SELECT 1").await?;
            let begin = Instant::now();
            connection.get()?.execute("SELECT 1").await?;
            Ok(begin.elapsed())
        };
        let answer = timeout(self.patience, measured).await;
        self.answered(connection, answer)
    }

    /// Counts the dead letters.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn dead_letter_counts(&self) -> Result<DeadLetterCounts, StoreError> {
        let classes = sqlx::query_as!(
            ClassCount,
            r#"
            SELECT class, count(*) AS "count!"
            FROM quittance.dead_letters
            WHERE state = 'open' AND (snoozed_until IS NULL OR snoozed_until <= clock_timestamp())
            GROUP BY class ORDER BY count(*) DESC, class
            "#
        )
        .fetch_all(&self.pool)
        .await?;
        let counts = sqlx::query!(
            r#"
            SELECT (SELECT count(*) FROM quittance.dead_letters WHERE state = 'retrying')
                       AS "retrying!",
                   (SELECT count(*) FROM quittance.dead_letters
                    WHERE state = 'open' AND snoozed_until > clock_timestamp()) AS "snoozed!",
                   -- Numbers rise with time, so a count ends at the first letter that is older.
                   (SELECT count(*) FROM quittance.dead_letters
                    WHERE state = 'open'
                      AND (snoozed_until IS NULL OR snoozed_until <= clock_timestamp())
                      AND id > coalesce((
                        SELECT id FROM quittance.dead_letters
                        WHERE created_at <= clock_timestamp() - interval '1 hour'
                        ORDER BY id DESC LIMIT 1), 0)) AS "new!",
                   (SELECT count(*) FROM quittance.dead_letters
                    WHERE id > coalesce((
                        SELECT id FROM quittance.dead_letters
                        WHERE created_at <= clock_timestamp() - interval '24 hours'
                        ORDER BY id DESC LIMIT 1), 0)) AS "recent!"
            "#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(DeadLetterCounts {
            open: classes.iter().map(|class| class.count).sum(),
            new: counts.new,
            snoozed: counts.snoozed,
            retrying: counts.retrying,
            last_24_hours: counts.recent,
            classes,
        })
    }
}
