//! Progress of each destination through the outbox.

use serde::Serialize;
use utoipa::ToSchema;

use crate::connect::Store;
use crate::error::StoreError;

/// Progress of a destination through the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DestinationState {
    /// `stream`, or `http:` and a name.
    pub name: String,
    /// Rows that were not fanned out to it yet.
    pub behind: i64,
    /// Deliveries that are pending.
    pub pending: i64,
    /// Deliveries that are dead-lettered.
    pub dead: i64,
    /// Age in seconds of the oldest notification that is not delivered to it; none when there is none.
    pub oldest_seconds: Option<i64>,
}

impl Store {
    /// The names of all destinations that were ever opened.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn destination_names(&self) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar!("SELECT name FROM quittance.outbox_destinations ORDER BY name")
            .fetch_all(&self.pool)
            .await?)
    }

    /// All destinations that were ever opened, by name.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn destinations(&self) -> Result<Vec<DestinationState>, StoreError> {
        Ok(sqlx::query_as!(
            DestinationState,
            r#"
            SELECT p.name AS "name!", quittance.outbox_behind(p.xid, p.seq) AS "behind!",
                   p.pending AS "pending!", p.dead AS "dead!",
                   extract(epoch FROM clock_timestamp() - p.oldest)::bigint AS oldest_seconds
            FROM quittance.outbox_progress() AS p
            ORDER BY p.name
            "#
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
