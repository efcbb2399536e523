//! The pool, and what each of its sessions is set to.

use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, Postgres};
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::connection;
use super::error::StoreError;
use super::pool::Pool;
use super::pooler;
use quittance_config as config;
use quittance_redaction::Rules;

/// A connection that rested longer is tested before it is used; under load none is.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);

/// How long it may take to hear why there is no connection.
const EXPLAINS_WITHIN: Duration = Duration::from_secs(1);

/// For how long an explanation holds: many calls fail together, and one asks for all.
const EXPLAINED_FOR: Duration = Duration::from_secs(1);

/// Connections of a relay, beside those of the work, so that neither waits for the other's. One
/// destination uses two at most, for moments.
const RELAY_CONNECTIONS: u32 = 4;

/// What the sessions of a pool are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sessions {
    /// Calls that are all alike.
    Work,
    /// What people look at and do.
    People,
    /// The relay of the outbox.
    Relay,
}

/// What a call may take longer than the server's own limit for a statement: the way there and back.
const BEYOND: Duration = Duration::from_secs(2);

/// The tables. Cheap to clone: the clones share one pool.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) pool: Pool,
    /// How a connection is opened.
    options: Arc<PgConnectOptions>,
    /// Why the last one could not be, if that was asked for.
    explained: Arc<Mutex<Option<Explained>>>,
    /// What is dropped before anything is stored.
    pub(super) rules: Arc<Rules>,
    /// How long a call may be without an answer.
    pub(super) patience: Duration,
    /// Counts this process's writes to the outbox, to wake its relay.
    pub(super) outbox_writes: watch::Sender<u64>,
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
        let options = connection::options(settings, role)?;
        let sessions = if role == "worker" { Sessions::Work } else { Sessions::People };
        let pool = pool(settings, options.clone(), settings.max_connections, sessions);
        Ok(Self {
            pool,
            options: Arc::new(options),
            explained: Arc::default(),
            rules: Arc::default(),
            patience: patience(settings),
            outbox_writes: watch::Sender::new(0),
        })
    }

    /// The same tables over a few connections of the relay's own, woken by what this store writes.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn for_relay(&self, settings: &config::Database) -> Result<Self, StoreError> {
        let options = connection::options(settings, "relay")?;
        let pool = pool(settings, options.clone(), RELAY_CONNECTIONS, Sessions::Relay);
        Ok(Self { pool, options: Arc::new(options), explained: Arc::default(), ..self.clone() })
    }

    /// The same, with more that is dropped before anything is stored.
    #[must_use]
    pub fn redacting(self, settings: &config::Redaction) -> Self {
        Self { rules: Arc::new(settings.into()), ..self }
    }

    /// What is dropped before anything is stored, for those that make what is stored.
    #[must_use]
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// A connection of the pool.
    ///
    /// # Errors
    /// There is none; where the pool does not say why, one that was opened beside it does. Where that one
    /// could be opened, Postgres is there, and all connections of the pool wait for something else:
    /// [`StoreError::Contention`].
    pub(super) async fn connection(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        match self.pool.acquire().await.map_err(StoreError::from) {
            Err(error) if error.is_unexplained() => {
                Err(self.unreachable_because().await.unwrap_or_else(|| error.of_pool_in_use()))
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
        // A pooler's sessions are a reason, too: there a connection opens, and cannot be prepared.
        let error = Arc::new(pooler::check(&self.options, EXPLAINS_WITHIN).await.err()?);
        *explained = Some((Instant::now(), Arc::clone(&error)));
        Some(StoreError::Shared(error))
    }

    /// Whether a connection keeps its session from one transaction to the next.
    ///
    /// # Errors
    /// [`StoreError::TransactionPooling`], or there is no connection.
    pub(super) async fn check_sessions(&self) -> Result<(), StoreError> {
        pooler::check(&self.options, self.patience).await
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
        (&self.pool).execute("SELECT 1").await?;
        Ok(())
    }

    /// Closes the connections once they are back in the pool.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A pool that connects when it is first used.
fn pool(
    settings: &config::Database,
    options: PgConnectOptions,
    most: u32,
    sessions: Sessions,
) -> Pool {
    let timeout = settings.statement_timeout;
    let pool = PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(settings.acquire_timeout)
        // A test of each connection on each use would be a second round trip.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                Ok(meta.idle_for < TEST_AFTER_IDLE || connection.ping().await.is_ok())
            })
        })
        .after_connect(move |connection, _| Box::pin(prepare(connection, timeout, sessions)))
        .connect_lazy_with(options);
    Pool::new(pool, patience(settings))
}

/// How long a call may be without an answer: as long as the server may take, and a little more.
fn patience(settings: &config::Database) -> Duration {
    settings.statement_timeout + BEYOND
}

/// A session's settings, in one round trip. Not in the connection's start-up packet, which
/// PgBouncer refuses to pass on.
async fn prepare(
    connection: &mut PgConnection,
    timeout: Duration,
    sessions: Sessions,
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
    match sessions {
        Sessions::Work => {}
        // People filter by anything, so the best plan differs from call to call; a worker's calls are
        // all alike, and planning each would cost as much as running it. What people count fits into
        // this memory, and what they look at is read by index, which is no slower than a scan on
        // any disk of today.
        Sessions::People => {
            sqlx::query(
                "SELECT set_config('plan_cache_mode', 'force_custom_plan', false),
                        set_config('work_mem', '32MB', false),
                        set_config('random_page_cost', '1.1', false)",
            )
            .execute(connection)
            .await?;
        }
        // A relay's statements touch few rows of tables that may hold millions, of which the planner
        // knows nothing before they are analysed, or what they held when a statement was prepared:
        // with nested loops over indexes alone, the plan is good in any case.
        //
        // It yields to everybody: it waits for a lock shorter than deadlock_timeout, so that a
        // deadlock costs a relay another try and no one else anything. And what a crash of Postgres
        // takes back of a claim or a mark is sent again, so it need not wait for the disk.
        Sessions::Relay => {
            sqlx::query(
                "SELECT set_config('enable_seqscan', 'off', false),
                        set_config('enable_bitmapscan', 'off', false),
                        set_config('enable_hashjoin', 'off', false),
                        set_config('enable_mergejoin', 'off', false),
                        set_config('lock_timeout', '500ms', false),
                        set_config('synchronous_commit', 'off', false)",
            )
            .execute(connection)
            .await?;
        }
    }
    Ok(())
}
