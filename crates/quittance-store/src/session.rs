//! Sessions of the operators' pages that a sign-out has ended before their time.

use super::connect::Store;
use super::error::StoreError;

impl Store {
    /// Notes that a session has ended, until it would have: `expires` is in seconds since 1970.
    ///
    /// # Errors
    /// Postgres.
    pub async fn end_session(&self, id: &str, expires: u64) -> Result<(), StoreError> {
        sqlx::query!(
            r#"
            WITH over AS (
                DELETE FROM quittance.ended_sessions WHERE expires_at < now()
            )
            INSERT INTO quittance.ended_sessions (id, expires_at)
            VALUES ($1, to_timestamp($2::bigint))
            ON CONFLICT (id) DO NOTHING
            "#,
            id,
            i64::try_from(expires).unwrap_or(i64::MAX),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Whether a session has been ended.
    ///
    /// # Errors
    /// Postgres.
    pub async fn session_has_ended(&self, id: &str) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM quittance.ended_sessions WHERE id = $1) AS "ended!""#,
            id,
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
