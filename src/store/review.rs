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
        let rows = match table {
            Table::Payments => {
                sqlx::query_scalar!(r#"SELECT to_jsonb(t) AS "row!" FROM app.payments AS t"#)
                    .fetch_all(&self.pool)
                    .await?
            }
            Table::Charges => {
                sqlx::query_scalar!(r#"SELECT to_jsonb(t) AS "row!" FROM app.charges AS t"#)
                    .fetch_all(&self.pool)
                    .await?
            }
            Table::Refunds => {
                sqlx::query_scalar!(r#"SELECT to_jsonb(t) AS "row!" FROM app.refunds AS t"#)
                    .fetch_all(&self.pool)
                    .await?
            }
            Table::Events => {
                sqlx::query_scalar!(r#"SELECT to_jsonb(t) AS "row!" FROM quittance.events AS t"#)
                    .fetch_all(&self.pool)
                    .await?
            }
        };
        Ok(rows)
    }
}

/// A table whose rows the verdict looks at.
#[cfg(feature = "dev")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// `app.payments`
    Payments,
    /// `app.charges`
    Charges,
    /// `app.refunds`
    Refunds,
    /// `quittance.events`
    Events,
}
