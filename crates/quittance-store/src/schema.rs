//! Migrations of the database, and the check of its schema version.

use std::collections::HashMap;

use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};

use super::connect::Store;
use super::connection::{open, options};
use super::error::StoreError;
use super::pooler;
use quittance_config as config;

static EMBEDDED: Migrator = sqlx::migrate!("../../migrations");

/// Table of the migrations. Not sqlx's default, which is in the schema `public`: the product shares the database,
/// and may use sqlx itself, with its own migrations there.
const TABLE: &str = "quittance._sqlx_migrations";

/// Runs the migrations that the database lacks. Safe to run twice, also concurrently.
///
/// It uses a connection of its own, because a migration may take longer than the statement timeout, and because
/// its locks end with the connection. A database that is newer than this binary stays unchanged: migrations
/// only expand the schema, so the older binary works with it.
///
/// # Errors
/// No connection within `database.acquire_timeout`, or a migration failed; a failed migration is rolled back.
pub async fn migrate(settings: &config::Database) -> Result<(), StoreError> {
    let options = options(settings, "migrate")?;
    // The lock that excludes a concurrent migration belongs to the session.
    pooler::check(&options, settings.acquire_timeout).await?;
    let mut connection = open(&options, settings.acquire_timeout).await?;
    let mut migrator = Migrator {
        migrations: EMBEDDED.migrations.clone(),
        ignore_missing: true,
        ..Migrator::DEFAULT
    };
    migrator.dangerous_set_table_name(TABLE);
    migrator.create_schema("quittance");
    let run = migrator.run_direct(None, &mut connection, false).await;
    connection.close().await?;
    run.map_err(from_migration)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "MigrateError is open-ended")]
fn from_migration(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(source) => source.into(),
        MigrateError::ExecuteMigration(source, version) => {
            StoreError::of_migration(version, source)
        }
        MigrateError::VersionMismatch(version) => StoreError::SchemaDiffers { version },
        other => StoreError::Migration(other),
    }
}

/// Creates the database of a URL, unless it exists; with `afresh`, an existing one is dropped first. For
/// `quittance dev`, which has a server of its own.
///
/// # Errors
/// Postgres cannot be reached, or the statement fails.
#[cfg(feature = "dev")]
pub async fn create_database(url: &str, afresh: bool) -> Result<(), StoreError> {
    use sqlx::migrate::MigrateDatabase as _;
    use sqlx::postgres::Postgres;

    if afresh {
        Postgres::force_drop_database(url).await?;
    }
    if !Postgres::database_exists(url).await? {
        Postgres::create_database(url).await?;
    }
    Ok(())
}

/// Version of the database's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The newest migration of the database, if it has any.
    pub have: Option<i64>,
    /// The newest migration of this binary.
    pub need: i64,
}

impl Store {
    /// Reads the version of the database's schema, and the version that this binary needs.
    ///
    /// # Errors
    /// Postgres cannot be reached, or the query fails.
    pub async fn schema_version(&self) -> Result<SchemaVersion, StoreError> {
        let applied = self.applied_migrations().await?;
        let have = applied.and_then(|applied| applied.into_keys().max());
        Ok(SchemaVersion { have, need: needed_version() })
    }

    /// Checks that this binary can work with the database: connections keep their sessions, and the schema
    /// fits. A newer schema is fine, and logged.
    ///
    /// # Errors
    /// A pooler shares sessions out by transaction; or the schema is older than this binary, was made
    /// from other migrations, or cannot be read; or Postgres does not answer in time.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        self.check_sessions().await?;
        let need = needed_version();
        let Some(applied) = self.applied_migrations().await? else {
            return Err(StoreError::SchemaTooOld { have: None, need });
        };
        let have = applied.keys().copied().max();
        for migration in EMBEDDED.iter() {
            match applied.get(&migration.version) {
                None => return Err(StoreError::SchemaTooOld { have, need }),
                Some(checksum) if *checksum != *migration.checksum => {
                    return Err(StoreError::SchemaDiffers { version: migration.version });
                }
                Some(_) => {}
            }
        }
        if have > Some(need) {
            tracing::info!(have, need, "the schema is newer than this binary; it works with it");
        }
        Ok(())
    }

    /// The migrations of the database with their checksums; empty without their table.
    ///
    /// It uses the pool instead of sqlx's `list_applied_migrations`, which takes a bare connection and so has no
    /// deadline.
    async fn applied_migrations(&self) -> Result<Option<HashMap<i64, Vec<u8>>>, StoreError> {
        let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(TABLE)
            .fetch_one(&self.pool)
            .await?;
        if !exists {
            return Ok(None);
        }
        // The name is TABLE, which a query cannot take as a parameter.
        let query = "SELECT version, checksum FROM quittance._sqlx_migrations";
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(query).fetch_all(&self.pool).await?;
        Ok(Some(rows.into_iter().collect()))
    }
}

/// The version of the newest migration of this binary.
fn needed_version() -> i64 {
    EMBEDDED.iter().map(|migration| migration.version).max().unwrap_or_default()
}
