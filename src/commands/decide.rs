//! An operator's decision about a dead command, of which the program could not find out what became.

use uuid::Uuid;

use super::problem::Problem;
use crate::store::{Store, StoreError};

/// Result of an operator's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// It holds.
    Done,
    /// There is no such dead command.
    NotDead,
}

/// Has a dead command investigated once more.
///
/// # Errors
/// Postgres.
pub async fn retry_dead(
    store: &Store,
    id: Uuid,
    actor: &str,
    reason: Option<&str>,
) -> Result<Decided, StoreError> {
    let done = store.revive_command(id, actor, reason).await?;
    Ok(if done { Decided::Done } else { Decided::NotDead })
}

/// Closes a dead command as refused, by the word of an operator that it had no effect.
///
/// # Errors
/// Postgres.
pub async fn abandon_dead(
    store: &Store,
    id: Uuid,
    actor: &str,
    reason: &str,
) -> Result<Decided, StoreError> {
    let detail = "An operator has closed this command: it had no effect at Stripe. Make a new request with a \
                  new key.";
    let problem = Problem { command: Some(id), ..Problem::new(409, "abandoned", detail) };
    let done = store.abandon_command(id, actor, reason, &problem.stored()).await?;
    Ok(if done { Decided::Done } else { Decided::NotDead })
}
