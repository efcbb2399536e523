//! Whether a pooler in front of Postgres keeps a connection's session.
//!
//! PgBouncer in transaction mode, and its like, give each transaction whichever session is free. Then a
//! prepared statement of ours is there one time and another's of the same name the next, and what a
//! session is set to (its isolation level, its time-outs) holds for others and not for us. The driver
//! sees none of that, so it has to be found out before any work is done.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::Row as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::timeout;

use super::connection::open;
use super::error::StoreError;

/// How often two connections are compared. Others who use the pooler at the same moment can hide
/// once that a session is shared.
const ROUNDS: usize = 3;

/// Compares the sessions of two connections that are open at the same time. Each must have one of
/// its own, and keep it. That is certain in one direction: a session that is kept is never refused.
///
/// # Errors
/// [`StoreError::TransactionPooling`], or no connection `within` that time.
pub(super) async fn check(options: &PgConnectOptions, within: Duration) -> Result<(), StoreError> {
    let mut one = open(options, within).await?;
    // Where only one may be open, it is shared with nobody.
    let Ok(mut other) = open(options, within).await else { return Ok(()) };
    let compared = timeout(within, compare(&mut one, &mut other)).await;
    // They have served; that they end is all there is left to want of them.
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

/// The session that a connection has right now. By the simple protocol, since a prepared statement is
/// just what may be met by another's. It sets something, because there are poolers that keep the
/// session of those that do, and that is all that is wanted of them.
async fn session(connection: &mut PgConnection) -> Result<i32, StoreError> {
    let query = "SELECT pg_backend_pid(), set_config('quittance.session', 'kept', false)";
    let row = sqlx::raw_sql(query).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}
