//! What people do with dead letters; each with a row in the audit log, in the same statement.

use super::{DeadLetterId, Letter};
use crate::store::connect::Store;
use crate::store::error::StoreError;

/// Who does something by hand, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor<'a> {
    /// Who.
    pub name: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
}

/// Whether a letter moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// It did.
    Done,
    /// It had moved by itself since it was read.
    Moved,
}

impl Store {
    /// Notes that a letter's job is back in the queue. To be called *after* it is, with the letter
    /// as it was read before: if the job has settled or died again meanwhile, the letter already
    /// says so and stays as it is. The audit row is written in any case, because the job went out
    /// in any case.
    ///
    /// # Errors
    /// Postgres.
    pub async fn mark_retrying(
        &self,
        letter: &Letter,
        actor: Actor<'_>,
    ) -> Result<Marked, StoreError> {
        let marked = sqlx::query_scalar!(
            r#"
            WITH marked AS (
                UPDATE quittance.dead_letters
                SET state = 'retrying', retries = retries + 1, updated_at = clock_timestamp()
                -- Died again since it was read: then it waits for a person, not for its job.
                WHERE id = $1 AND state IN ('open', 'retrying') AND deaths = $2
                RETURNING id
            ),
            noted AS (
                INSERT INTO quittance.audit_log (actor, verb, target, reason, details)
                VALUES ($3, 'dead_letter.retry', $4, $5,
                        jsonb_build_object('event', $6::text, 'deaths', $2::integer))
            )
            SELECT EXISTS (SELECT FROM marked) AS "marked!"
            "#,
            letter.id.get(),
            letter.deaths,
            actor.name,
            letter.id.target(),
            actor.reason,
            letter.event_key,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(if marked { Marked::Done } else { Marked::Moved })
    }

    /// Gives a letter up for good.
    ///
    /// # Errors
    /// Postgres.
    pub async fn discard_dead_letter(
        &self,
        id: DeadLetterId,
        actor: Actor<'_>,
    ) -> Result<Marked, StoreError> {
        let marked = sqlx::query_scalar!(
            r#"
            WITH discarded AS (
                UPDATE quittance.dead_letters
                SET state = 'discarded', resolved_at = clock_timestamp(),
                    updated_at = clock_timestamp()
                WHERE id = $1 AND state IN ('open', 'retrying')
                RETURNING id, event_id
            )
            INSERT INTO quittance.audit_log (actor, verb, target, reason, details)
            SELECT $2, 'dead_letter.discard', $3, $4, jsonb_build_object('event', d.event_id)
            FROM discarded AS d
            RETURNING true AS "marked!"
            "#,
            id.get(),
            actor.name,
            id.target(),
            actor.reason,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(if marked.is_some() { Marked::Done } else { Marked::Moved })
    }
}
