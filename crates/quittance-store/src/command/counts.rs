//! Counts of commands: for the status and for monitoring.

use serde::Serialize;
use utoipa::ToSchema;

use crate::connect::Store;
use crate::error::StoreError;

/// The state of a command that waits for an operator.
const DEAD: &str = "dead";

/// The commands of one kind in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpenCommands {
    /// `create_payment`, ...
    pub kind: String,
    /// `accepted`, `sent`, `unknown` or `dead`.
    pub state: String,
    /// How many.
    pub count: i64,
    /// The age of the oldest in seconds.
    pub oldest_seconds: i64,
}

/// Counts of commands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct CommandCounts {
    /// Those that have not come to their end, by kind and state; none of a kind and state that has none.
    pub open: Vec<OpenCommands>,
    /// Those of the last 24 hours that Stripe carried out.
    pub done_last_24_hours: i64,
    /// Those of the last 24 hours that were refused.
    pub refused_last_24_hours: i64,
}

impl CommandCounts {
    /// How many wait for an operator.
    #[must_use]
    pub fn dead(&self) -> i64 {
        self.open.iter().filter(|one| one.state == DEAD).map(|one| one.count).sum()
    }

    /// The age in seconds of the oldest that is to come to its end without an operator.
    #[must_use]
    pub fn oldest_open_seconds(&self) -> Option<i64> {
        let open = self.open.iter().filter(|one| one.state != DEAD);
        open.map(|one| one.oldest_seconds).max()
    }

    /// How many are in each state that is not the end, with the age in seconds of the oldest; none of a state
    /// that has none.
    #[must_use]
    pub fn by_state(&self) -> Vec<(&str, i64, i64)> {
        let mut all: Vec<(&str, i64, i64)> = Vec::new();
        for one in &self.open {
            match all.iter_mut().find(|(state, ..)| *state == one.state) {
                Some((_, count, oldest)) => {
                    *count = count.saturating_add(one.count);
                    *oldest = (*oldest).max(one.oldest_seconds);
                }
                None => all.push((&one.state, one.count, one.oldest_seconds)),
            }
        }
        all
    }

    /// Whether there are none, now and in the last 24 hours.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.done_last_24_hours == 0 && self.refused_last_24_hours == 0
    }
}

impl Store {
    /// Counts the commands that have not come to their end, by kind and state.
    ///
    /// # Errors
    /// Postgres.
    pub async fn open_commands(&self) -> Result<Vec<OpenCommands>, StoreError> {
        Ok(sqlx::query_as!(
            OpenCommands,
            r#"
            SELECT kind, state, count(*) AS "count!",
                   extract(epoch FROM clock_timestamp() - min(created_at))::bigint AS "oldest_seconds!"
            FROM quittance.commands
            WHERE state IN ('accepted', 'sent', 'unknown', 'dead')
            GROUP BY kind, state
            ORDER BY state, kind
            "#
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Counts the commands.
    ///
    /// # Errors
    /// Postgres.
    pub async fn command_counts(&self) -> Result<CommandCounts, StoreError> {
        let open = self.open_commands().await?;
        let closed = sqlx::query!(
            r#"
            SELECT count(*) FILTER (WHERE state = 'done')    AS "done!",
                   count(*) FILTER (WHERE state = 'refused') AS "refused!"
            FROM quittance.commands
            WHERE state IN ('done', 'refused') AND created_at > clock_timestamp() - interval '24 hours'
            "#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(CommandCounts {
            open,
            done_last_24_hours: closed.done,
            refused_last_24_hours: closed.refused,
        })
    }
}
