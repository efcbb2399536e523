//! Sessions of the operators' pages that were ended by a sign-out before they expired.

use super::connect::Store;
use super::error::StoreError;

impl Store {
    /// Records that a session has ended. The record is kept until `expires`, in seconds since 1970.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
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

    /// Whether a sign-out has ended a session.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn session_has_ended(&self, id: &str) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM quittance.ended_sessions WHERE id = $1) AS "ended!""#,
            id,
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
