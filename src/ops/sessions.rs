//! Sessions of the operators' pages that a sign-out has ended before their time.
//!
//! A session is a signed cookie, which is good until it expires, on every server with the same key. So its end
//! is noted where all of them look: in Postgres, by the id of the session alone. A list of what has ended, and
//! no list of what lives: a sign-in writes nothing, and nothing has to be there for a session to be good.

use crate::store::{Store, StoreError};

/// Ends a session for all servers; `expires`, in seconds since 1970, is until when that has to be known.
///
/// # Errors
/// Postgres.
pub async fn end(store: &Store, id: &str, expires: u64) -> Result<(), StoreError> {
    store.end_session(id, expires).await
}

/// Whether a session has been ended.
///
/// # Errors
/// Postgres.
pub async fn has_ended(store: &Store, id: &str) -> Result<bool, StoreError> {
    store.session_has_ended(id).await
}
