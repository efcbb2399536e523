//! The background duties of the workers: shown, and asked for by hand.

use serde::Serialize;
use utoipa::ToSchema;

use super::types::Actor;
use crate::store::duty::Duty;
use crate::store::{Store, StoreError};

/// Why a duty was not asked for.
#[derive(Debug, thiserror::Error)]
pub enum DutyError {
    /// No worker has made it known.
    #[error("there is no duty {0:?}: `quittance duties` lists them, once a worker has run")]
    Unknown(String),
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A duty that is due now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DutyAsked {
    /// Its name. A worker begins it within a few seconds.
    pub asked_for: String,
}

/// Lists the duties.
///
/// # Errors
/// Postgres.
pub async fn list(store: &Store) -> Result<Vec<Duty>, StoreError> {
    store.duties().await
}

/// Makes a duty due now; in the audit log.
///
/// # Errors
/// See [`DutyError`].
pub async fn run(store: &Store, name: &str, actor: Actor<'_>) -> Result<DutyAsked, DutyError> {
    if store.ask_for_duty(name, actor).await? {
        Ok(DutyAsked { asked_for: name.to_owned() })
    } else {
        Err(DutyError::Unknown(name.to_owned()))
    }
}
