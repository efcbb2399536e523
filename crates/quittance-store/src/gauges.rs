//! Gauges for monitoring. They are read often, so each uses an index.

use super::command::OpenCommands;
use super::completeness::CompletenessGauges;
use super::connect::Store;
use super::error::StoreError;

/// Gauges of the tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Open dead letters without snoozed ones, by the class of their failure.
    pub open_dead_letters: Vec<(String, i64)>,
    /// Whether Redis has lost jobs, and no operator has acknowledged it.
    pub queue_lost: bool,
    /// Progress of each destination that was ever opened.
    pub destinations: Vec<DestinationGauges>,
    /// Age of the oldest transaction that delays the outbox; 0 if there is none.
    pub outbox_held_seconds: i64,
    /// The commands that have not come to their end, by kind and state.
    pub open_commands: Vec<OpenCommands>,
    /// Until when all events are here, and how the duties are.
    pub completeness: CompletenessGauges,
}

/// Progress of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationGauges {
    /// `stream`, or `http:` and a name.
    pub name: String,
    /// Age of the oldest undelivered notification; 0 if there is none.
    pub oldest_seconds: i64,
    /// Pending deliveries.
    pub pending: i64,
    /// Dead-lettered deliveries.
    pub dead: i64,
}

/// The connections of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// Connections in use.
    pub used: u32,
    /// Idle connections.
    pub idle: u32,
    /// Most connections.
    pub limit: u32,
}

impl Store {
    /// Reads the gauges.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the statement fails.
    pub async fn pulse(&self) -> Result<Gauges, StoreError> {
        let dead_letters = sqlx::query!(
            r#"
            SELECT class, count(*) AS "count!" FROM quittance.dead_letters
            WHERE state = 'open' AND (snoozed_until IS NULL OR snoozed_until <= now())
            GROUP BY class
            "#
        )
        .fetch_all(&self.pool)
        .await?;
        let destinations = sqlx::query_as!(
            DestinationGauges,
            r#"
            SELECT p.name AS "name!", p.pending AS "pending!", p.dead AS "dead!",
                   coalesce(extract(epoch FROM clock_timestamp() - p.oldest)::bigint, 0)
                       AS "oldest_seconds!"
            FROM quittance.outbox_progress() AS p
            ORDER BY p.name
            "#
        )
        .fetch_all(&self.pool)
        .await?;
        let queue_lost = self.any_queue_lost().await?;
        let hold = self.outbox_hold().await?;
        let open_commands = self.open_commands().await?;
        let completeness = self.completeness_gauges().await?;
        Ok(Gauges {
            completeness,
            open_commands,
            queue_lost,
            open_dead_letters: dead_letters.into_iter().map(|row| (row.class, row.count)).collect(),
            destinations,
            outbox_held_seconds: hold.map_or(0, |hold| hold.seconds),
        })
    }

    /// Reads the numbers of the pool, without a query.
    #[must_use]
    pub fn pool_use(&self) -> PoolUse {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        PoolUse { used: self.pool.size().saturating_sub(idle), idle, limit: self.pool.limit() }
    }
}
