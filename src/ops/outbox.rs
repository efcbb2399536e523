//! `quittance outbox`: status, dead, retry.

use uuid::Uuid;

use crate::store::dead_letter::Actor;
use crate::store::outbox::{DeadDelivery, DestinationState};
use crate::store::{Store, StoreError};

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
/// Postgres.
pub async fn dead(
    store: &Store,
    destination: Option<&str>,
    most: i64,
) -> Result<Vec<DeadDelivery>, StoreError> {
    store.dead_deliveries(destination, most).await
}

/// Makes what was given up due again: these notifications, or all of the destination if none is
/// named. It comes after what its object was told since; a receiver that minds has `version`.
///
/// # Errors
/// Postgres.
pub async fn retry(
    store: &Store,
    destination: &str,
    ids: &[Uuid],
    actor: Actor<'_>,
) -> Result<i64, StoreError> {
    store.revive_deliveries(destination, ids, actor).await
}
