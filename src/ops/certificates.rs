//! Completeness for operators: until when all is here, and what comparisons have found.

use crate::store::completeness::Completeness;
use crate::store::event_certificate::EventCertificate;
use crate::store::{Store, StoreError};

/// Until when every event that Stripe lists is here, by account; `None` before the first sweep.
///
/// # Errors
/// Postgres.
pub async fn completeness(store: &Store) -> Result<Option<Completeness>, StoreError> {
    store.completeness().await
}

/// The last certificates of `quittance verify`, newest first.
///
/// # Errors
/// Postgres.
pub async fn list(store: &Store, most: u32) -> Result<Vec<EventCertificate>, StoreError> {
    store.event_certificates(i64::from(most)).await
}
