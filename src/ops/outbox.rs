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
    /// No worker has ever had a destination of this name in its settings.
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
        known => format!("the destinations are {}", known.join(", ")),
    }
}

/// The result of a retry of dead-lettered notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Retried {
    /// Number of notifications that are queued for redelivery.
    pub retried: i64,
    /// Ids of the request that are not dead-lettered for the destination: unknown, delivered, or being
    /// delivered.
    pub not_dead_lettered: Vec<Uuid>,
}

/// Refuses the name of an unknown destination.
async fn check(store: &Store, name: &str) -> Result<(), OutboxError> {
    let known = store.destination_names().await?;
    if known.iter().any(|one| one == name) {
        return Ok(());
    }
    Err(OutboxError::NoSuchDestination { name: name.to_owned(), known })
}

/// The delivery lag of each destination.
///
/// # Errors
/// Postgres.
pub async fn status(store: &Store) -> Result<Vec<DestinationState>, StoreError> {
    store.destinations().await
}

/// Lists dead-lettered notifications of one destination or of all, oldest first.
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

/// Queues dead-lettered notifications of a destination for redelivery: those named by `ids`, or all if `ids` is
/// empty. They arrive after newer notifications of the same object; a receiver can tell by `version`.
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
    let (mut retried, mut found, mut after) = (0, Vec::new(), Some(i64::MIN));
    while let Some(seq) = after {
        let page = store.revive_deliveries(destination, ids, seq, RETRY_PAGE, actor).await?;
        let Revived { count, named, last } = page;
        retried += count;
        found.extend(named);
        after = last;
    }
    let not_dead_lettered = ids.iter().filter(|id| !found.contains(id)).copied().collect();
    Ok(Retried { retried, not_dead_lettered })
}

/// Deliveries queued again in one transaction.
const RETRY_PAGE: i64 = 1_000;

/// Deliveries looked through in one transaction.
const PAGE: i64 = 5_000;

/// Removes a destination with its deliveries, and returns their number. Notifications that were not delivered to it
/// are kept for it no longer, and its dead letters are discarded. A worker that has it in its settings creates it
/// again when it starts.
///
/// # Errors
/// There is no such destination, or Postgres. What was removed by then stays removed; another call
/// continues.
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
