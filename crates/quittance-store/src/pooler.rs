//! Check that a connection pooler (PgBouncer) keeps the session of each connection.
//!
//! PgBouncer in transaction mode, and similar poolers, give each transaction any free session. Then prepared
//! statements disappear or are replaced by those of other clients, and a session's settings (isolation level,
//! timeouts) apply to other clients. The driver does not notice, so it must be checked before any work is done.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::Row as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::timeout;

use super::connection::open;
use super::error::StoreError;

/// Number of comparisons. Other clients of the pooler can hide once that a session is shared.
const ROUNDS: usize = 3;

/// Compares the sessions of two open connections. Each must have its own, and keep it. The check has no false
/// alarms: a pooler that keeps sessions is never refused.
///
/// # Errors
/// [`StoreError::TransactionPooling`], or no connection `within` that time.
pub(super) async fn check(options: &PgConnectOptions, within: Duration) -> Result<(), StoreError> {
    let mut one = open(options, within).await?;
    // If only one connection is possible, its session is not shared.
    let Ok(mut other) = open(options, within).await else { return Ok(()) };
    let compared = timeout(within, compare(&mut one, &mut other)).await;
    // The connections are not needed any more.
    let _ = timeout(within, async { tokio::join!(one.close(), other.close()) }).await;
    compared.unwrap_or(Err(StoreError::Silent { after: within }))
}

async fn compare(one: &mut PgConnection, other: &mut PgConnection) -> Result<(), StoreError> {
    for _ in 0..ROUNDS {
        let (first, others, second) =
            (session(one).await?, session(other).await?, session(one).await?);
        if first != second || first == others {
            return Err(StoreError::TransactionPooling(None));
        }
    }
    Ok(())
}

/// Returns the current session of a connection. It uses the simple protocol, because prepared statements may
/// collide with those of other clients. It sets a variable, because some poolers keep the session of a client
/// that does, which is sufficient.
async fn session(connection: &mut PgConnection) -> Result<i32, StoreError> {
    let query = "SELECT pg_backend_pid(), set_config('quittance.session', 'kept', false)";
    let row = sqlx::raw_sql(query).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}
