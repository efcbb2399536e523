//! Options of a connection, and connections outside of a pool.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::timeout;

use super::error::StoreError;
use quittance_config as config;

/// Options of a connection. `role` names the process in `pg_stat_activity`.
///
/// # Errors
/// The URL cannot be parsed.
pub(super) fn options(
    settings: &config::Database,
    role: &str,
) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(settings.url.reveal()).map_err(StoreError::from)?;
    // Without the driver's `extra_float_digits`, which PgBouncer refuses. It affects values as text,
    // but the store uses binary values.
    Ok(options.application_name(&format!("quittance {role}")).extra_float_digits(None))
}

/// Opens a connection outside of a pool, `within` a time limit.
///
/// # Errors
/// [`StoreError::NotOpened`] after the time limit; before it, the driver's error.
pub(super) async fn open(
    options: &PgConnectOptions,
    within: Duration,
) -> Result<PgConnection, StoreError> {
    match timeout(within, options.connect()).await {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(StoreError::NotOpened {
            place: format!("{}:{}", options.get_host(), options.get_port()),
            after: within,
        }),
    }
}
