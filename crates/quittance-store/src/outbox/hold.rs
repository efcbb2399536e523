//! The transaction that holds the outbox back.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::connect::Store;
use crate::error::StoreError;

/// The transaction that has been running longest of those that have written something, in any database
/// of the server. What is written to the outbox after it cannot be read or delivered before it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutboxHold {
    /// The process of its session; null for a prepared transaction, and where the session is hidden
    /// from our user (it needs `pg_read_all_stats` to see those of others).
    pub pid: Option<i32>,
    /// `application_name` of its session.
    pub application: Option<String>,
    /// Its user.
    pub username: Option<String>,
    /// Its database.
    pub database: Option<String>,
    /// State of its session: `active`, `idle in transaction`, `prepared`.
    pub state: Option<String>,
    /// Since when it has been running; where the session is hidden, the time of the oldest
    /// notification that waits for it.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// Its age in seconds.
    pub seconds: i64,
}

impl Store {
    /// Returns the transaction that holds the outbox back, or none.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn outbox_hold(&self) -> Result<Option<OutboxHold>, StoreError> {
        Ok(sqlx::query_as!(
            OutboxHold,
            r#"
            SELECT h.pid, h.application, h.username, h.database, h.state, h.since AS "since!",
                   greatest(extract(epoch FROM clock_timestamp() - h.since), 0)::bigint AS "seconds!"
            FROM quittance.outbox_held_back_by() AS h
            "#
        )
        .fetch_optional(&self.pool)
        .await?)
    }
}
