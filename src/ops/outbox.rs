//! `quittance outbox`: status, dead, retry, remove.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::dead_letter::Actor;
use crate::store::outbox::{DeadDelivery, DestinationState, Revived};
use crate::store::{Store, StoreError};

/// Why something could not be done about a destination.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// No worker has ever told anybody of this name.
    #[error("there is no destination {name}: {}", list(.known))]
    NoSuchDestination {
        /// What it was called.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn list(known: &[String]) -> String {
    match known {
        [] => "there are no destinations yet".to_owned(),
        known => format!("those that were ever told are {}", known.join(", ")),
    }
}

/// What became due again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Retried {
    /// How many.
    pub revived: i64,
    /// Those of the named that are not given up for it: the id is wrong, or it arrived, or it is
    /// being sent.
    pub not_given_up: Vec<Uuid>,
}

/// Refuses the name of an unknown destination.
async fn check(store: &Store, name: &str) -> Result<(), OutboxError> {
    let known = store.destination_names().await?;
    if known.iter().any(|one| one == name) {
        return Ok(());
    }
    Err(OutboxError::NoSuchDestination { name: name.to_owned(), known })
}

/// How far each destination is.
///
/// # Errors
/// Postgres.
pub async fn status(store: &Store) -> Result<Vec<DestinationState>, StoreError> {
    store.destinations().await
}

/// What was given up, oldest first; of one destination, or of all.
///
/// # Errors
/// There is no such destination, or Postgres.
pub async fn dead(
    store: &Store,
    destination: Option<&str>,
    most: i64,
) -> Result<Vec<DeadDelivery>, OutboxError> {
    if let Some(name) = destination {
        check(store, name).await?;
    }
    Ok(store.dead_deliveries(destination, most).await?)
}

/// Makes what was given up due again: these notifications, or all of the destination if none is
/// named. It comes after what its object was told since; a receiver that minds has `version`.
///
/// # Errors
/// There is no such destination, or Postgres.
pub async fn retry(
    store: &Store,
    destination: &str,
    ids: &[Uuid],
    actor: Actor<'_>,
) -> Result<Retried, OutboxError> {
    check(store, destination).await?;
    let (mut revived, mut found, mut after) = (0, Vec::new(), Some(i64::MIN));
    while let Some(seq) = after {
        let page = store.revive_deliveries(destination, ids, seq, RETRY_PAGE, actor).await?;
        let Revived { count, named, last } = page;
        revived += count;
        found.extend(named);
        after = last;
    }
    let not_given_up = ids.iter().filter(|id| !found.contains(id)).copied().collect();
    Ok(Retried { revived, not_given_up })
}

/// Deliveries made due again in one transaction.
const RETRY_PAGE: i64 = 1_000;

/// Deliveries looked through in one transaction.
const PAGE: i64 = 5_000;

/// Removes a destination for good, with its deliveries; says how many. What it was not told is then kept
/// for it no longer, and its dead letters are discarded. A worker that has it in its settings opens it
/// anew when it starts.
///
/// # Errors
/// There is no such destination, or Postgres. What was removed by then stays removed; to call it again
/// goes on.
pub async fn remove(
    store: &Store,
    destination: &str,
    actor: Actor<'_>,
) -> Result<u64, OutboxError> {
    check(store, destination).await?;
    let (mut removed, mut after) = (0, None);
    loop {
        let page = store.remove_deliveries(destination, after.as_ref(), PAGE, actor).await?;
        removed += page.removed;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    store.remove_destination(destination, removed, actor).await?;
    Ok(removed)
}
