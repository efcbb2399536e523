//! Maintenance of the outbox: waking SQL readers, and removing what is delivered to all destinations.

use std::time::Duration;

use crate::connect::Store;
use crate::error::StoreError;

/// Result of pruning one page of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunedPage {
    /// Rows that were removed.
    pub removed: u64,
    /// Cursor of the next page; none at the end, where the rows become too young, and while another process
    /// prunes.
    pub next: Option<String>,
}

impl Store {
    /// Sends `NOTIFY quittance_outbox` if rows after `cursor` can be read. Returns the cursor of the last one.
    ///
    /// Not in the transactions that write the rows: Postgres lets those that notify commit only one
    /// after the other, and a row may become readable later than it is written (`outbox_after`), so
    /// a reader that is woken by the commit could find nothing.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn announce(&self, cursor: &str) -> Result<String, StoreError> {
        let newest = sqlx::query_scalar!(
            r#"
            SELECT CASE WHEN n.cursor <> $1 THEN n.cursor || left(pg_notify('quittance_outbox', '')::text, 0)
                        ELSE n.cursor END AS "cursor!"
            FROM (SELECT o.xid::text || '/' || o.seq::text AS cursor
                  FROM quittance.outbox AS o
                  WHERE o.xid < pg_snapshot_xmin(pg_current_snapshot())
                  ORDER BY o.xid DESC, o.seq DESC
                  LIMIT 1) AS n
            "#,
            cursor,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(newest.unwrap_or_else(|| cursor.to_owned()))
    }

    /// Reads `most` rows after a cursor ('' is the beginning), and removes those that are older than
    /// `retention`, with their deliveries. A row that is not delivered to each destination of the table stays,
    /// whether or not the settings of this process name that destination.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn prune_outbox(
        &self,
        after: &str,
        retention: Duration,
        most: i64,
    ) -> Result<PrunedPage, StoreError> {
        let row = sqlx::query!(
            r#"
            WITH lock AS MATERIALIZED (
                SELECT pg_try_advisory_xact_lock(hashtextextended('quittance:outbox.prune', 0))
                       AS mine
            ),
            page AS MATERIALIZED (
                SELECT o.id, o.xid, o.seq, o.created_at
                FROM quittance.outbox AS o
                WHERE (SELECT mine FROM lock)
                  AND (o.xid, o.seq) > (coalesce(nullif(split_part($1, '/', 1), ''), '0')::xid8,
                                        coalesce(nullif(split_part($1, '/', 2), ''), '0')::bigint)
                  AND o.xid < pg_snapshot_xmin(pg_current_snapshot())
                ORDER BY o.xid, o.seq
                LIMIT $3
            ),
            removed AS (
                DELETE FROM quittance.outbox AS o
                USING page AS p
                WHERE o.id = p.id
                  AND p.created_at < now() - make_interval(secs => $2)
                  AND NOT EXISTS ( -- not fanned out yet
                      SELECT FROM quittance.outbox_destinations AS n
                      WHERE (p.xid, p.seq) > (n.xid, n.seq))
                  AND NOT EXISTS ( -- not delivered
                      SELECT FROM quittance.outbox_deliveries AS d
                      WHERE d.id = p.id AND d.state <> 'delivered')
                RETURNING o.id
            )
            SELECT (SELECT count(*) FROM removed) AS "removed!",
                   -- None after a page that ends with a row that is too young.
                   (SELECT p.xid::text || '/' || p.seq::text
                    FROM page AS p
                    WHERE p.created_at < now() - make_interval(secs => $2)
                      AND (SELECT count(*) FROM page) = $3
                    ORDER BY p.xid DESC, p.seq DESC
                    LIMIT 1) AS next
            "#,
            after,
            retention.as_secs_f64(),
            most,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(PrunedPage { removed: row.removed.unsigned_abs(), next: row.next })
    }
}
