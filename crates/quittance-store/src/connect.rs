//! The store's pool, and the settings of its sessions.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::connection;
use super::error::StoreError;
use super::pool::{Lent, Pool};
use super::pooler;
use quittance_config as config;
use quittance_redaction::Rules;

/// Idle time after which a connection is tested before use. Under load, no connection is idle for that long.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);

/// Longest time for finding out why there is no connection.
const EXPLAINS_WITHIN: Duration = Duration::from_secs(1);

/// Time for which an explanation is reused: many calls fail at once, and one of them finds out why.
const EXPLAINED_FOR: Duration = Duration::from_secs(1);

/// Connections of a relay. They are separate from those of the workers, so that neither waits for the other.
/// A destination uses two at most, for a short time.
const RELAY_CONNECTIONS: u32 = 4;

/// Use of a pool's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sessions {
    /// A worker's calls, which repeat the same statements.
    Work,
    /// Queries and actions of operators.
    People,
    /// The relay of the outbox.
    Relay,
}

/// Time that a call may take beyond the server's limit for a statement: the network round trip.
const BEYOND: Duration = Duration::from_secs(2);

/// Access to the tables. Cheap to clone: clones share a pool.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) pool: Pool,
    /// Options for opening a connection.
    options: Arc<PgConnectOptions>,
    /// Why the last connection could not be opened, if that was found out.
    explained: Arc<Mutex<Option<Explained>>>,
    /// Rules of redaction, applied before anything is stored.
    pub(super) rules: Arc<Rules>,
    /// Time limit of a call.
    pub(super) patience: Duration,
    /// Counts this process's writes to the outbox, to wake its relay.
    pub(super) outbox_writes: watch::Sender<u64>,
}

/// Why a connection could not be opened, and when that was.
type Explained = (Instant, Arc<StoreError>);

impl Store {
    /// Creates the pool. It connects with the first call that needs a connection, so that an unavailable Postgres
    /// is an error of that call. Must be called in a tokio runtime.
    ///
    /// `role` names the process in `pg_stat_activity`: `quittance worker`.
    ///
    /// # Errors
    /// The URL cannot be parsed.
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

    /// A store with a few connections of its own for the relay; writes of this store wake it.
    ///
    /// # Errors
    /// The URL cannot be parsed.
    pub fn for_relay(&self, settings: &config::Database) -> Result<Self, StoreError> {
        let options = connection::options(settings, "relay")?;
        let pool = pool(settings, options.clone(), RELAY_CONNECTIONS, Sessions::Relay);
        Ok(Self { pool, options: Arc::new(options), explained: Arc::default(), ..self.clone() })
    }

    /// This store with further rules of redaction.
    #[must_use]
    pub fn redacting(self, settings: &config::Redaction) -> Self {
        Self { rules: Arc::new(settings.into()), ..self }
    }

    /// The rules of redaction, for code that prepares values to be stored.
    #[must_use]
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Acquires a connection of the pool for one call.
    ///
    /// # Errors
    /// There is no connection. Because the pool does not report why, another connection is opened outside of it, and
    /// its error is returned. If that succeeds, Postgres is available, and all connections of the pool are in use:
    /// [`StoreError::Contention`].
    pub(super) async fn connection(&self) -> Result<Lent, StoreError> {
        match self.pool.lend().await.map_err(StoreError::from) {
            Err(error) if error.is_unexplained() => {
                Err(self.unreachable_because().await.unwrap_or_else(|| error.of_pool_in_use()))
            }
            other => other,
        }
    }

    /// Why no connection can be opened; `None` if one can. The pool hides the reason: it retries until its time
    /// limit, and then reports only that.
    pub async fn unreachable_because(&self) -> Option<StoreError> {
        let mut explained = self.explained.lock().await;
        if let Some((at, error)) = explained.as_ref()
            && at.elapsed() < EXPLAINED_FOR
        {
            return Some(StoreError::Shared(Arc::clone(error)));
        }
        *explained = None;
        // Sessions shared by a pooler are a reason, too: there a connection opens, but preparing fails.
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

    /// Returns the result of a call on `connection` that was limited to [`Self::patience`].
    ///
    /// The server cancels a statement that takes too long; a server that disappeared cancels nothing, and TCP
    /// notices only after a long time. Such a connection does not go back to the pool, which would wait for it,
    /// too.
    pub(super) fn answered<T>(
        &self,
        connection: Lent,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, StoreError> {
        let Ok(answer) = answer else { return Err(StoreError::Silent { after: self.patience }) };
        connection.give_back();
        Ok(answer?)
    }

    /// Checks that Postgres answers.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn ready(&self) -> Result<(), StoreError> {
        (&self.pool).execute("SELECT 1").await?;
        Ok(())
    }

    /// Closes the connections as soon as they are back in the pool.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Creates a pool that connects on first use.
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

/// Time limit of a call: a little more than the server's limit for a statement.
fn patience(settings: &config::Database) -> Duration {
    settings.statement_timeout + BEYOND
}

/// Sets up a session in one round trip. The settings are not in the connection's startup packet, because
/// PgBouncer refuses to pass them on.
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
        // Operators filter by any field, so the best plan differs from call to call. A worker's calls
        // repeat, and planning each would cost as much as running it. An operator's counts fit into
        // this memory, and lists are read by index, which is no slower than a scan on a current
        // disk.
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
        // A relay yields to all others: it waits for a lock for less than deadlock_timeout, so that
        // a deadlock makes only the relay retry. If a crash of Postgres loses a claim or an outcome,
        // the notification is sent again, so commits need not wait for the disk.
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
