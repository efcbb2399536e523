//! Reads of whole tables, for the progress and the verdict of `quittance dev`.

use super::connect::Store;
use super::error::StoreError;

/// Number of events by final status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LedgerCounts {
    /// Processed.
    pub settled: i64,
    /// Ignored: their kind is not handled.
    pub ignored: i64,
    /// Dead-lettered, and not processed since.
    pub dead: i64,
}

impl LedgerCounts {
    /// Events that were processed or ignored.
    #[must_use]
    pub fn done(&self) -> i64 {
        self.settled + self.ignored
    }
}

impl Store {
    /// Counts the ledger by status. Reads all of it: for development and small systems.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
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

    /// Reads all rows of a table of Quittance as JSON, column by column.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    #[cfg(feature = "dev")]
    pub async fn rows(&self, table: Table) -> Result<Vec<serde_json::Value>, StoreError> {
        // The names come from constants in the code.
        let sql = sqlx::AssertSqlSafe(format!("SELECT to_jsonb(t) FROM {} AS t", table.0));
        Ok(sqlx::query_scalar(sql).fetch_all(&self.pool).await?)
    }
}

/// A table of Quittance by its full name: `app.payments`.
#[cfg(feature = "dev")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table(pub &'static str);
