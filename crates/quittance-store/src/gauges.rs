//! The few numbers that monitoring asks for again and again, so each is found by an index.

use super::command_counts::OpenCommands;
use super::connect::Store;
use super::error::StoreError;

/// What the tables say of the state of things.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Dead letters that wait for someone, snoozed ones not, by the class of their failure.
    pub open_letters: Vec<(String, i64)>,
    /// Whether Redis has lost jobs, and no operator has acknowledged it.
    pub queue_lost: bool,
    /// How far each destination is that was ever opened.
    pub destinations: Vec<DestinationGauges>,
    /// For how long the oldest transaction has been running that holds the outbox back; 0 when none
    /// is.
    pub outbox_held_seconds: i64,
    /// The commands that have not come to their end, by kind and state.
    pub open_commands: Vec<OpenCommands>,
}

/// How far a destination is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationGauges {
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
    pub async fn pulse(&self) -> Result<Gauges, StoreError> {
        let letters = sqlx::query!(
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
        Ok(Gauges {
            open_commands,
            queue_lost,
            open_letters: letters.into_iter().map(|row| (row.class, row.count)).collect(),
            destinations,
            outbox_held_seconds: hold.map_or(0, |hold| hold.seconds),
        })
    }

    /// How many connections there are, and may be. Asks nobody.
    #[must_use]
    pub fn pool_use(&self) -> PoolUse {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        PoolUse { used: self.pool.size().saturating_sub(idle), idle, limit: self.pool.limit() }
    }
}
