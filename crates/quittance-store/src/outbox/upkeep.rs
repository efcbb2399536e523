//! What keeps the outbox in shape: telling readers by SQL that there is something new, and removing
//! what everybody knows.

use std::time::Duration;

use crate::store::connect::Store;
use crate::store::error::StoreError;

impl Store {
    /// `NOTIFY quittance_outbox` when something can be read that could not be read at `cursor`;
    /// returns the cursor of now.
    ///
    /// Not in the transactions that write the rows: Postgres lets those that notify commit only one
    /// after the other, and a row may become readable later than it is written (`outbox_after`), so
    /// a reader that is woken by the commit could find nothing.
    ///
    /// # Errors
    /// Postgres.
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

    /// Removes up to `most` rows that are older than `retention`, and with them their deliveries.
    /// Stays: what one of these destinations has not been told, or only in vain. Says how many went.
    ///
    /// # Errors
    /// Postgres.
    pub async fn prune_outbox(
        &self,
        destinations: &[String],
        retention: Duration,
        most: i64,
    ) -> Result<u64, StoreError> {
        let pruned = sqlx::query!(
            r#"
            DELETE FROM quittance.outbox AS o
            USING (
                SELECT c.id
                -- The oldest alone, or each look would be at all rows that are too young.
                FROM (SELECT id, xid, seq, created_at FROM quittance.outbox
                      ORDER BY xid, seq
                      LIMIT $3::bigint * 20) AS c
                WHERE c.created_at < clock_timestamp() - make_interval(secs => $2)
                  AND c.xid < pg_snapshot_xmin(pg_current_snapshot())
                  AND NOT EXISTS ( -- not handed out yet
                      SELECT FROM quittance.outbox_destinations AS n
                      WHERE n.name = ANY ($1) AND (c.xid, c.seq) > (n.xid, n.seq))
                  AND NOT EXISTS ( -- not arrived
                      SELECT FROM quittance.outbox_deliveries AS d
                      WHERE d.id = c.id AND d.destination = ANY ($1) AND d.state <> 'delivered')
                ORDER BY c.xid, c.seq
                LIMIT $3
            ) AS old
            WHERE o.id = old.id
            "#,
            destinations,
            retention.as_secs_f64(),
            most,
        )
        .execute(&self.pool)
        .await?;
        Ok(pruned.rows_affected())
    }
}
