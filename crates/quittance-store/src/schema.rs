//! The migrations, and whether the database has had them.

use std::collections::HashMap;

use sqlx::Connection as _;
use sqlx::migrate::{Migrate as _, MigrateError, Migrator};

use super::connect::{Store, open, options};
use super::error::StoreError;
use super::pooler;
use quittance_config as config;

static EMBEDDED: Migrator = sqlx::migrate!("../../migrations");

/// Not sqlx's default, which lies in the schema `public`: the database is the product's too, and a
/// product that uses sqlx keeps its own migrations there.
const TABLE: &str = "quittance._sqlx_migrations";

/// Runs the migrations that have not been run. Safe to run twice, also at the same time.
///
/// Over a connection of its own, because a migration may take longer than any statement timeout of
/// ours, and because what it locks then ends with it. A database that is newer than this binary
/// is left as it is: migrations only ever expand, so the older binary works with it.
///
/// # Errors
/// No connection within `database.acquire_timeout`, or a migration failed; a failed migration leaves
/// nothing of itself.
pub async fn migrate(settings: &config::Database) -> Result<(), StoreError> {
    let options = options(settings, "migrate")?;
    // The lock that keeps two of them apart is a session's.
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

/// Creates the database that a URL names, unless it is there; with `afresh`, one that is there is
/// removed first. For `quittance dev`, whose server is its own.
///
/// # Errors
/// Postgres.
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

/// How far the database's schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The newest migration that was run, if any was.
    pub have: Option<i64>,
    /// The newest one of this binary.
    pub need: i64,
}

impl Store {
    /// How far the database's schema is, whether it fits or not.
    ///
    /// # Errors
    /// Postgres.
    pub async fn schema_version(&self) -> Result<SchemaVersion, StoreError> {
        let need = EMBEDDED.iter().map(|m| m.version).max().unwrap_or_default();
        let mut connection = self.connection().await?;
        let migrated: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(TABLE)
            .fetch_one(&mut *connection)
            .await?;
        if !migrated {
            return Ok(SchemaVersion { have: None, need });
        }
        let applied = connection.list_applied_migrations(TABLE).await.map_err(from_migration)?;
        Ok(SchemaVersion { have: applied.iter().map(|m| m.version).max(), need })
    }

    /// Whether this binary can work with the database: connections keep their sessions, and the schema
    /// fits. A newer one is fine, and logged.
    ///
    /// # Errors
    /// A pooler shares sessions out by transaction; or the schema is older than this binary, was made
    /// from other migrations, or cannot be read.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        self.check_sessions().await?;
        let mut connection = self.connection().await?;
        let migrated: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(TABLE)
            .fetch_one(&mut *connection)
            .await?;
        let need = EMBEDDED.iter().map(|m| m.version).max().unwrap_or_default();
        if !migrated {
            return Err(StoreError::SchemaTooOld { have: None, need });
        }
        let applied: HashMap<_, _> = connection
            .list_applied_migrations(TABLE)
            .await
            .map_err(from_migration)?
            .into_iter()
            .map(|m| (m.version, m.checksum))
            .collect();
        let have = applied.keys().copied().max();
        for migration in EMBEDDED.iter() {
            match applied.get(&migration.version) {
                None => return Err(StoreError::SchemaTooOld { have, need }),
                Some(checksum) if *checksum != migration.checksum => {
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
}
