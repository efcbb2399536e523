//! Errors of the store, and their classes for the retry of jobs.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quittance_domain::failure::{self, Class, Dependency, Failure};

/// A call to the store failed; nothing of it was written.
///
/// `Debug` prints what `Display` does, with the causes: Postgres' own details may quote a whole
/// row, and rows are not logged.
#[derive(thiserror::Error)]
pub enum StoreError {
    /// Postgres cannot be reached, is starting, stopping, full or read-only.
    #[error("postgres is not available")]
    Unavailable(#[source] Cause),
    /// The server or the network to it stopped answering.
    #[error("postgres has not answered for {after:?}")]
    Silent {
        /// The time limit.
        after: Duration,
    },
    /// A connection was not opened in time: a firewall, a wrong host, a server that hangs.
    #[error("no connection to postgres at {place} within {after:?}")]
    NotOpened {
        /// Host and port.
        place: String,
        /// The time limit.
        after: Duration,
    },
    /// The call was part of a batch that ended without an answer: a bug, or the end of the process.
    #[error("the round trip that this call was a part of ended without an answer")]
    Lost,
    /// The call was part of a batch that failed as a whole.
    #[error(transparent)]
    Shared(Arc<StoreError>),
    /// The URL, the password, the database's name, a permission or the schema is wrong.
    #[error("postgres refuses our settings")]
    Misconfigured(#[source] Cause),
    /// A pooler in front of Postgres shares sessions between clients, so that prepared statements and settings
    /// get mixed up. The source is the error that revealed it, unless the check did.
    #[error(
        "a pooler in front of postgres gives each transaction another session: let it pool by session \
         (PgBouncer: pool_mode = session), or let database.url lead to postgres itself"
    )]
    TransactionPooling(#[source] Option<Cause>),
    /// Another transaction held a lock, or the statement took too long.
    #[error("postgres was busy with something that is in the way")]
    Contention(#[source] Cause),
    /// A value breaks a rule of the schema.
    #[error("a value breaks the constraint {constraint}")]
    Constraint {
        /// The constraint's name in the migrations.
        constraint: String,
        /// The message of Postgres.
        #[source]
        source: Cause,
    },
    /// An id that is recorded for one account or mode came from another one. Stripe's ids are
    /// unique, so an endpoint is set up for the wrong account or mode.
    #[error("the object is recorded for another account or mode")]
    ForeignScope(#[source] Cause),
    /// A value that the column's type cannot hold.
    #[error("postgres cannot hold a value")]
    Value(#[source] Cause),
    /// This binary does not know a stored value.
    #[error("{what} of a stored row cannot be read")]
    Unreadable {
        /// The value.
        what: &'static str,
    },
    /// Any other error of Postgres or the driver.
    #[error("postgres failed")]
    Unexpected(#[source] Cause),
    /// The migrations of this binary have not all been run.
    #[error("schema is at {}, this binary needs {need}: run `quittance migrate`", at(*.have))]
    SchemaTooOld {
        /// The newest migration of the database, if it has any.
        have: Option<i64>,
        /// The newest migration of this binary.
        need: i64,
    },
    /// A migration of the database had another text than this binary's.
    #[error("migration {version} in the database is not the one of this binary")]
    SchemaDiffers {
        /// The migration.
        version: i64,
    },
    /// A migration failed.
    #[error("the migration failed")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// A statement of a migration failed.
    #[error("the migration {version} failed")]
    MigrationStatement {
        /// The migration.
        version: i64,
        /// The message of Postgres.
        #[source]
        source: Cause,
    },
}

/// An error of Postgres or of the connection.
///
/// For an error of Postgres, only its message. The driver adds "at line 1371", which is a line of Postgres' source
/// code, and looks like a line of the statement.
pub struct Cause(sqlx::Error);

impl fmt::Display for Cause {
    #[expect(clippy::wildcard_enum_match_arm, reason = "sqlx::Error is open-ended")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            sqlx::Error::Database(error) => f.write_str(error.message()),
            sqlx::Error::PoolTimedOut => {
                f.write_str("no connection within database.acquire_timeout")
            }
            other => other.fmt(f),
        }
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if self.0.as_database_error().is_some() { None } else { self.0.source() }
    }
}

fn at(version: Option<i64>) -> String {
    version.map_or_else(|| "nothing".to_owned(), |version| version.to_string())
}

impl StoreError {
    /// The class of the failure, which decides about a retry.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Shared(error) => error.class(),
            Self::Unavailable(_) | Self::Silent { .. } | Self::NotOpened { .. } => {
                Class::Unavailable(Dependency::Postgres)
            }
            Self::Misconfigured(_)
            | Self::TransactionPooling(_)
            | Self::SchemaTooOld { .. }
            | Self::SchemaDiffers { .. }
            | Self::Migration(_)
            | Self::MigrationStatement { .. } => Class::Misconfigured(Dependency::Postgres),
            Self::Contention(_) | Self::Unexpected(_) | Self::Lost => Class::Transient,
            Self::Constraint { .. }
            | Self::ForeignScope(_)
            | Self::Value(_)
            | Self::Unreadable { .. } => Class::Permanent,
        }
    }

    /// The stable code; for a constraint, it contains the constraint's name.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Shared(error) => error.code(),
            Self::Unavailable(_) => "postgres_unavailable".into(),
            Self::Silent { .. } => "postgres_silent".into(),
            Self::NotOpened { .. } => "postgres_unavailable".into(),
            Self::Lost => "postgres_call_lost".into(),
            Self::Misconfigured(_) => "postgres_misconfigured".into(),
            Self::TransactionPooling(_) => "postgres_transaction_pooling".into(),
            Self::Contention(_) => "postgres_contention".into(),
            Self::Constraint { constraint, .. } => format!("constraint_{constraint}"),
            Self::ForeignScope(_) => "object_of_another_scope".into(),
            Self::Value(_) => "value_not_storable".into(),
            Self::Unreadable { .. } => "row_unreadable".into(),
            Self::Unexpected(_) => "postgres_error".into(),
            Self::SchemaTooOld { .. } => "schema_too_old".into(),
            Self::SchemaDiffers { .. } => "schema_differs".into(),
            Self::Migration(_) | Self::MigrationStatement { .. } => "migration_failed".into(),
        }
    }

    /// The failure as it is recorded with an attempt.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure {
            class: self.class(),
            code: self.code(),
            chain: failure::chain(self),
            request_id: None,
            should_retry: None,
        }
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&failure::chain(self).join(": "))
    }
}

impl From<sqlx::Error> for StoreError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "sqlx::Error is open-ended")]
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let database = match &error {
            E::Database(database) => database,
            E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Protocol(_) => {
                return Self::Unavailable(Cause(error));
            }
            E::Configuration(_) | E::Tls(_) => return Self::Misconfigured(Cause(error)),
            E::Encode(_) => return Self::Value(Cause(error)),
            // The remaining errors are faults of this program or its driver.
            _ => return Self::Unexpected(Cause(error)),
        };
        let code = database.code().unwrap_or_default().into_owned();
        let constraint = database.constraint().map(str::to_owned);
        // Appendix A of the PostgreSQL manual: the first two characters are the class.
        match (code.as_str(), code.get(..2).unwrap_or_default()) {
            ("QT001", _) => Self::ForeignScope(Cause(error)),
            // `query_canceled` is the statement timeout; `read_only_sql_transaction` and
            // `cannot_connect_now` are a failover, `57P01`..`57P03` a restart.
            ("57014" | "55P03", _) | (_, "40") => Self::Contention(Cause(error)),
            ("25006", _) | (_, "08" | "53" | "57" | "58") => Self::Unavailable(Cause(error)),
            // Besides passwords, databases and permissions: missing tables, columns and functions,
            // which mean that the schema was not migrated. That must pause the work, and not
            // dead-letter all events.
            ("42501" | "42P01" | "42703" | "42883" | "QT002", _) | (_, "28" | "3D" | "3F") => {
                Self::Misconfigured(Cause(error))
            }
            // Prepared statements that should not exist, or do not exist and should.
            ("42P05" | "26000", _) => Self::TransactionPooling(Some(Cause(error))),
            (_, "23") => Self::Constraint {
                constraint: constraint.unwrap_or_else(|| database_column(&error)),
                source: Cause(error),
            },
            (_, "22") => Self::Value(Cause(error)),
            _ => Self::Unexpected(Cause(error)),
        }
    }
}

impl StoreError {
    /// The error of a statement of a migration.
    pub(super) fn of_migration(version: i64, error: sqlx::Error) -> Self {
        if error.as_database_error().is_some() {
            Self::MigrationStatement { version, source: Cause(error) }
        } else {
            error.into()
        }
    }

    /// The error if Postgres is known to be available: this process uses all connections of its pool.
    pub(super) fn of_pool_in_use(self) -> Self {
        if let Self::Unavailable(cause) = self { Self::Contention(cause) } else { self }
    }

    /// Whether the pool had no connection within its time limit, which hides the reason.
    pub(super) fn is_unexplained(&self) -> bool {
        matches!(self, Self::Unavailable(Cause(sqlx::Error::PoolTimedOut)))
    }
}

/// The name of a constraint. NOT NULL has none; its table and column identify it.
fn database_column(error: &sqlx::Error) -> String {
    let postgres = error
        .as_database_error()
        .and_then(|e| e.try_downcast_ref::<sqlx::postgres::PgDatabaseError>());
    match postgres {
        Some(e) => {
            format!("{}_{}_not_null", e.table().unwrap_or("?"), e.column().unwrap_or("?"))
        }
        None => "unnamed".to_owned(),
    }
}
