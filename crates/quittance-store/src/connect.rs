//! The pool, and what each of its sessions is set to.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, Postgres};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::{Mutex, watch};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use super::error::StoreError;
use super::redact::Rules;
use crate::config;

/// A connection that rested longer is tested before it is used; under load none is.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);

/// How long it may take to hear why there is no connection.
const EXPLAINS_WITHIN: Duration = Duration::from_secs(1);

/// For how long an explanation holds: many calls fail together, and one asks for all.
const EXPLAINED_FOR: Duration = Duration::from_secs(1);

/// What a call may take longer than the server's own limit for a statement: the way there and back.
const BEYOND: Duration = Duration::from_secs(2);

/// The tables. Cheap to clone: the clones share one pool.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) pool: PgPool,
    /// How a connection is opened.
    options: Arc<PgConnectOptions>,
    /// Why the last one could not be, if that was asked for.
    explained: Arc<Mutex<Option<Explained>>>,
    /// What is never stored.
    pub(super) rules: Arc<Rules>,
    /// How long a call may be without an answer.
    pub(super) patience: Duration,
    /// Counts what this process writes into the outbox, to wake its relay.
    pub(super) told: watch::Sender<u64>,
}

/// Why a connection could not be opened, and when that was.
type Explained = (Instant, Arc<StoreError>);

impl Store {
    /// Makes the pool; connects with the first call that needs a connection, so that a Postgres
    /// that is down is an error of that call. Must be called within a tokio runtime.
    ///
    /// `role` names the process in `pg_stat_activity`: `quittance worker`.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn connect(settings: &config::Database, role: &str) -> Result<Self, StoreError> {
        let options = options(settings, role)?;
        let timeout = settings.statement_timeout;
        let for_people = role != "worker";
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            // A test of each connection on each use would be a second round trip.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    Ok(meta.idle_for < TEST_AFTER_IDLE || connection.ping().await.is_ok())
                })
            })
            .after_connect(move |connection, _| Box::pin(prepare(connection, timeout, for_people)))
            .connect_lazy_with(options.clone());
        Ok(Self {
            pool,
            options: Arc::new(options),
            explained: Arc::default(),
            rules: Arc::default(),
            patience: timeout + BEYOND,
            told: watch::Sender::new(0),
        })
    }

    /// The same, with more that is never stored.
    #[must_use]
    pub fn redacting(self, settings: &config::Redaction) -> Self {
        Self { rules: Arc::new(settings.into()), ..self }
    }

    /// A connection of the pool.
    ///
    /// # Errors
    /// There is none; where the pool does not say why, one that was opened beside it does.
    pub(super) async fn connection(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        match self.pool.acquire().await.map_err(StoreError::from) {
            Err(error) if error.is_unexplained() => {
                Err(self.unreachable_because().await.unwrap_or(error))
            }
            other => other,
        }
    }

    /// Why no connection can be opened; none if one can. The pool keeps it to itself: it tries again
    /// until its time is over, and then says only that.
    pub async fn unreachable_because(&self) -> Option<StoreError> {
        let mut explained = self.explained.lock().await;
        if let Some((at, error)) = explained.as_ref()
            && at.elapsed() < EXPLAINED_FOR
        {
            return Some(StoreError::Shared(Arc::clone(error)));
        }
        *explained = None;
        let error = match open(&self.options, EXPLAINS_WITHIN).await {
            Ok(connection) => {
                // It has served; that it ends is all there is left to want of it.
                let _ = connection.close().await;
                return None;
            }
            Err(error) => Arc::new(error),
        };
        *explained = Some((Instant::now(), Arc::clone(&error)));
        Some(StoreError::Shared(error))
    }

    /// What a call on `connection` came to, that was given [`Self::patience`].
    ///
    /// The server ends a statement that takes too long; a server that is gone without a word ends
    /// nothing, and neither does TCP for a long time. Such a connection does not go back to the
    /// pool, which would wait for it too.
    pub(super) fn answered<T>(
        &self,
        connection: PoolConnection<Postgres>,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, StoreError> {
        match answer {
            Ok(result) => Ok(result?),
            Err(_) => {
                drop(connection.detach());
                Err(StoreError::Silent { after: self.patience })
            }
        }
    }

    /// Whether Postgres answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.pool.execute("SELECT 1").await?;
        Ok(())
    }

    /// Closes the connections once they are back in the pool.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// How a connection is opened; `role` names the process in `pg_stat_activity`.
pub(super) fn options(
    settings: &config::Database,
    role: &str,
) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(settings.url.reveal()).map_err(StoreError::from)?;
    Ok(options.application_name(&format!("quittance {role}")))
}

/// A connection that is not the pool's, opened in time or not at all.
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

/// A session's settings, in one round trip. Not in the connection's start-up packet, which
/// PgBouncer refuses to pass on.
async fn prepare(
    connection: &mut PgConnection,
    timeout: Duration,
    for_people: bool,
) -> Result<(), sqlx::Error> {
    let milliseconds = timeout.as_millis().to_string();
    sqlx::query(
        "SELECT set_config('statement_timeout', $1, false),
                set_config('idle_in_transaction_session_timeout', $1, false),
                -- What quittance.apply() relies on, whatever the database's own default is.
                set_config('default_transaction_isolation', 'read committed', false),
                -- Short statements only: compiling one takes longer than running it.
                set_config('jit', 'off', false)",
    )
    .bind(milliseconds)
    .execute(&mut *connection)
    .await?;
    if for_people {
        // People filter by anything, so the best plan differs from call to call; a worker's calls are
        // all alike, and planning each would cost as much as running it. What people count fits into
        // this memory, and what they look at is read by index, which is no slower than a scan on
        // any disk of today.
        sqlx::query(
            "SELECT set_config('plan_cache_mode', 'force_custom_plan', false),
                    set_config('work_mem', '32MB', false),
                    set_config('random_page_cost', '1.1', false)",
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}
