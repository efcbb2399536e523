//! Reads over whole tables: for pictures of what goes on, and for the verdict of `quittance dev`.

use super::connect::Store;
use super::error::StoreError;

/// How many events have come to which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LedgerCounts {
    /// Settled.
    pub settled: i64,
    /// Of a kind that we do not handle.
    pub ignored: i64,
    /// Given up, and not settled since.
    pub dead: i64,
}

impl LedgerCounts {
    /// Events that are at their good end.
    #[must_use]
    pub fn done(&self) -> i64 {
        self.settled + self.ignored
    }
}

impl Store {
    /// Counts the ledger by status. Reads all of it: for development and small systems.
    ///
    /// # Errors
    /// Postgres.
    pub async fn ledger_counts(&self) -> Result<LedgerCounts, StoreError> {
        let counts = sqlx::query_as!(
            LedgerCounts,
            r#"
            SELECT count(*) FILTER (WHERE status = 'settled') AS "settled!",
                   count(*) FILTER (WHERE status = 'ignored') AS "ignored!",
                   count(*) FILTER (WHERE status = 'dead')    AS "dead!"
            FROM quittance.events
            "#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(counts)
    }

    /// All rows of a table of ours as JSON, column by column.
    ///
    /// # Errors
    /// Postgres.
    #[cfg(feature = "dev")]
    pub async fn rows(&self, table: Table) -> Result<Vec<serde_json::Value>, StoreError> {
        // The names come from our own code alone.
        let sql = sqlx::AssertSqlSafe(format!("SELECT to_jsonb(t) FROM {} AS t", table.0));
        Ok(sqlx::query_scalar(sql).fetch_all(&self.pool).await?)
    }
}

/// A table of ours by its full name: `app.payments`.
#[cfg(feature = "dev")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table(pub &'static str);
