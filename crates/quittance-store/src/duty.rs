//! Background duties: who runs one, when it ran last and when it is due, by the clock of Postgres.
//!
//! Called by the scheduler of a worker, and by whatever shows duties to operators. It never knows what a duty does.

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::audit::Actor;
use super::connect::Store;
use super::error::StoreError;

/// A duty for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Duty {
    /// Its name.
    pub name: String,
    /// Its interval in milliseconds, from the settings of the worker that started last.
    pub every_ms: i64,
    /// When it is due.
    #[serde(with = "time::serde::rfc3339")]
    pub next_at: OffsetDateTime,
    /// The worker that runs it now.
    pub running_on: Option<String>,
    /// When its last run came to an end.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// The worker of the last run.
    pub worker: Option<String>,
    /// How long the last run took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// `succeeded` or `failed`: the last run.
    pub result: Option<String>,
    /// What the last run did, or why it failed.
    pub detail: Option<String>,
    /// When a run last succeeded.
    #[serde(with = "time::serde::rfc3339::option")]
    pub succeeded_at: Option<OffsetDateTime>,
    /// Runs so far.
    pub runs: i64,
    /// Those of them that failed.
    pub failures: i64,
}

/// The right to run a duty once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyRun {
    /// The duty.
    pub name: String,
    /// The number of the run.
    pub run: i64,
}

/// Whether a duty can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DutyTurn {
    /// Now, by the caller.
    Mine(DutyRun),
    /// Not before this time has passed: it is not due, or another worker runs it.
    In(Duration),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyEnd {
    /// Whether it succeeded.
    pub succeeded: bool,
    /// What it did, or why it failed.
    pub detail: String,
    /// How long it took.
    pub took: Duration,
    /// Whether it is due again at once, because it left work undone.
    pub again: bool,
}

impl Store {
    /// Makes a duty known, with its interval.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails; so for all that follow.
    pub async fn register_duty(&self, name: &str, every: Duration) -> Result<(), StoreError> {
        sqlx::query!(
            r#"
            INSERT INTO quittance.duties AS d (name, every_ms) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET
                every_ms = excluded.every_ms,
                next_at  = least(d.next_at,
                                 clock_timestamp() + make_interval(secs => excluded.every_ms / 1000.0))
            WHERE d.every_ms <> excluded.every_ms
            "#,
            name,
            millis(every),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Takes a duty that is due and that nobody runs, for the length of a lease.
    ///
    /// # Errors
    /// See [`Self::register_duty`].
    pub async fn take_duty(
        &self,
        name: &str,
        holder: &str,
        lease: Duration,
    ) -> Result<DutyTurn, StoreError> {
        let taken = sqlx::query_scalar!(
            r#"
            UPDATE quittance.duties
            SET holder = $2, lease_until = clock_timestamp() + make_interval(secs => $3),
                run = run + 1, started_at = clock_timestamp()
            WHERE name = $1 AND next_at <= clock_timestamp()
              AND (lease_until IS NULL OR lease_until <= clock_timestamp())
            RETURNING run
            "#,
            name,
            holder,
            lease.as_secs_f64(),
        )
        .fetch_optional(&self.pool)
        .await?;
        if let Some(run) = taken {
            return Ok(DutyTurn::Mine(DutyRun { name: name.to_owned(), run }));
        }
        let wait = sqlx::query_scalar!(
            r#"
            SELECT (1000 * extract(epoch FROM greatest(next_at, lease_until) - clock_timestamp()))::bigint
                       AS "wait!"
            FROM quittance.duties WHERE name = $1
            "#,
            name,
        )
        .fetch_optional(&self.pool)
        .await?;
        let wait = wait.and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default();
        Ok(DutyTurn::In(Duration::from_millis(wait)))
    }

    /// Renews the lease of a run. `false`: another worker has taken the duty, so the run must end.
    ///
    /// # Errors
    /// See [`Self::register_duty`].
    pub async fn renew_duty(&self, run: &DutyRun, lease: Duration) -> Result<bool, StoreError> {
        let renewed = sqlx::query!(
            r#"
            UPDATE quittance.duties SET lease_until = clock_timestamp() + make_interval(secs => $3)
            WHERE name = $1 AND run = $2 AND holder IS NOT NULL
            "#,
            run.name,
            run.run,
            lease.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(renewed.rows_affected() > 0)
    }

    /// Ends a run. `false`: another worker had taken the duty.
    ///
    /// # Errors
    /// See [`Self::register_duty`].
    pub async fn end_duty(&self, run: &DutyRun, end: &DutyEnd) -> Result<bool, StoreError> {
        let ended = sqlx::query!(
            r#"
            UPDATE quittance.duties
            SET worker = holder, holder = NULL, lease_until = NULL, finished_at = clock_timestamp(),
                duration_ms = $4,
                result   = CASE WHEN $3 THEN 'succeeded' ELSE 'failed' END,
                detail   = $5,
                succeeded_at = CASE WHEN $3 THEN clock_timestamp() ELSE succeeded_at END,
                failures = failures + CASE WHEN $3 THEN 0 ELSE 1 END,
                -- From its start on, so that a long run does not make the next one late. A run that was asked
                -- for by hand meanwhile is due.
                next_at  = CASE WHEN $6 OR next_at > started_at THEN clock_timestamp()
                                ELSE greatest(clock_timestamp(),
                                              started_at + make_interval(secs => every_ms / 1000.0)) END
            WHERE name = $1 AND run = $2 AND holder IS NOT NULL
            "#,
            run.name,
            run.run,
            end.succeeded,
            millis(end.took),
            end.detail,
            end.again,
        )
        .execute(&self.pool)
        .await?;
        Ok(ended.rows_affected() > 0)
    }

    /// Gives a duty back that the worker, which stops, has not brought to an end: it is due at once.
    ///
    /// # Errors
    /// See [`Self::register_duty`].
    pub async fn give_back_duty(&self, run: &DutyRun) -> Result<(), StoreError> {
        sqlx::query!(
            r#"
            UPDATE quittance.duties SET holder = NULL, lease_until = NULL
            WHERE name = $1 AND run = $2
            "#,
            run.name,
            run.run,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Makes a duty due now; also in the audit log. `false`: there is none of this name.
    ///
    /// # Errors
    /// See [`Self::register_duty`].
    pub async fn ask_for_duty(&self, name: &str, actor: Actor<'_>) -> Result<bool, StoreError> {
        let asked = sqlx::query_scalar!(
            r#"
            WITH asked AS (
                UPDATE quittance.duties SET next_at = clock_timestamp() WHERE name = $1 RETURNING name
            ),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason)
                SELECT $2, 'duty.run', 'duty:' || name, $3 FROM asked
            )
            SELECT count(*) AS "count!" FROM asked
            "#,
            name,
            actor.name,
            actor.reason,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(asked > 0)
    }

    /// All duties that a worker has made known, by name.
    ///
    /// # Errors
    /// See [`Self::register_duty`].
    pub async fn duties(&self) -> Result<Vec<Duty>, StoreError> {
        Ok(sqlx::query_as!(
            Duty,
            r#"
            SELECT name, every_ms, next_at,
                   CASE WHEN lease_until > clock_timestamp() THEN holder END AS running_on,
                   finished_at, worker, duration_ms, result, detail, succeeded_at, run AS runs, failures
            FROM quittance.duties ORDER BY name
            "#
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
