//! The few numbers that monitoring asks for again and again, so each is found by an index.

use super::connect::Store;
use super::error::StoreError;

/// What the tables say of the state of things.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pulse {
    /// Dead letters that wait for someone, snoozed ones not, by the class of their failure.
    pub open_letters: Vec<(String, i64)>,
    /// How far each destination is that was ever opened.
    pub destinations: Vec<DestinationPulse>,
}

/// How far a destination is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationPulse {
    /// `stream`, or `http:` and a name.
    pub name: String,
    /// Age of the oldest that it has not been told; 0 when there is none.
    pub oldest_seconds: i64,
    /// What was handed out and has not arrived.
    pub pending: i64,
    /// What was given up.
    pub dead: i64,
}

/// The connections of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// Open, and in use.
    pub used: u32,
    /// Open, and at rest.
    pub idle: u32,
    /// How many there may be.
    pub limit: u32,
}

impl Store {
    /// Looks at what is monitored.
    ///
    /// # Errors
    /// Postgres.
    pub async fn pulse(&self) -> Result<Pulse, StoreError> {
        let letters = sqlx::query!(
            r#"
            SELECT class, count(*) AS "count!" FROM quittance.dead_letters
            WHERE state = 'open' AND (snoozed_until IS NULL OR snoozed_until <= now())
            GROUP BY class
            "#
        )
        .fetch_all(&self.pool)
        .await?;
        // Not a count of what was not handed out: that can be the whole table.
        let destinations = sqlx::query_as!(
            DestinationPulse,
            r#"
            SELECT n.name,
                   coalesce(extract(epoch FROM clock_timestamp()
                                    - least(b.created_at, p.created_at))::bigint, 0)
                       AS "oldest_seconds!",
                   c.pending AS "pending!", c.dead AS "dead!"
            FROM quittance.outbox_destinations AS n
            LEFT JOIN LATERAL (
                SELECT o.created_at FROM quittance.outbox AS o
                WHERE (o.xid, o.seq) > (n.xid, n.seq)
                ORDER BY o.xid, o.seq LIMIT 1) AS b ON TRUE
            LEFT JOIN LATERAL (
                SELECT min(o.created_at) AS created_at
                FROM quittance.outbox_deliveries AS d
                JOIN quittance.outbox AS o USING (id)
                WHERE d.destination = n.name AND d.state = 'pending') AS p ON TRUE
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE d.state = 'pending') AS pending,
                       count(*) FILTER (WHERE d.state = 'dead') AS dead
                FROM quittance.outbox_deliveries AS d
                WHERE d.destination = n.name AND d.state IN ('pending', 'dead')) AS c
            ORDER BY n.name
            "#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(Pulse {
            open_letters: letters.into_iter().map(|row| (row.class, row.count)).collect(),
            destinations,
        })
    }

    /// How many connections there are, and may be. Asks nobody.
    #[must_use]
    pub fn pool_use(&self) -> PoolUse {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        PoolUse {
            used: self.pool.size().saturating_sub(idle),
            idle,
            limit: self.pool.options().get_max_connections(),
        }
    }
}
