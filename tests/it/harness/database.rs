//! A fresh, migrated database for each test.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use quittance::config::{Database, Secret};
use quittance::store::{Store, schema};
use serde_json::Value;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;

/// Guards the making of the template, between threads and between test processes.
const TEMPLATE_LOCK: i64 = 0x7175_6974_7465_7374;

/// A database of one test. It is dropped with this, whoever is still connected.
pub(crate) struct TestDatabase {
    pub(crate) store: Store,
    /// For looking behind the store's back.
    pub(crate) pool: PgPool,
    server: String,
    name: String,
}

/// The settings for a database of the shared server.
pub(crate) fn database_settings(name: &str) -> Database {
    settings_for(with_name(&super::database_url(), name))
}

fn settings_for(url: String) -> Database {
    Database {
        url: Secret::new(url),
        max_connections: 8,
        acquire_timeout: Duration::from_secs(60),
        statement_timeout: Duration::from_secs(60),
    }
}

impl TestDatabase {
    /// With our schema, on the shared server.
    pub(crate) async fn migrated() -> Self {
        Self::migrated_on(&super::database_url()).await
    }

    /// The same on a server of the test's own. `server` is a superuser's URL.
    pub(crate) async fn migrated_on(server: &str) -> Self {
        Self::create_on(server, async |url| {
            schema::migrate(&settings_for(url.to_owned())).await.unwrap();
        })
        .await
    }

    /// With nothing in it, on the shared server.
    pub(crate) async fn empty() -> Self {
        let server = super::database_url();
        let mut admin = PgConnection::connect(&server).await.unwrap();
        Self::copy(&mut admin, &server, "template0").await
    }

    /// A copy of a template. The first test to come makes the template, with `migrate`, which gets
    /// its URL and must leave no connection open.
    pub(crate) async fn create_on(server: &str, migrate: impl AsyncFnOnce(&str)) -> Self {
        let mut admin = PgConnection::connect(server).await.unwrap();
        let template = template(&mut admin, server, migrate).await;
        let created = Self::copy(&mut admin, server, &template).await;
        admin.close().await.unwrap();
        created
    }

    async fn copy(admin: &mut PgConnection, server: &str, template: &str) -> Self {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        run(admin, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        let url = with_name(server, &name);
        let store = Store::connect(&settings_for(url.clone()), "test").unwrap();
        let pool = PgPoolOptions::new().max_connections(2).connect_lazy(&url).unwrap();
        Self { store, pool, server: server.to_owned(), name }
    }

    /// What a role gets as `DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        with_name(&self.server, &self.name)
    }

    /// The same, for the store.
    pub(crate) fn settings(&self) -> Database {
        settings_for(self.url())
    }

    pub(crate) async fn execute(&self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&self.pool).await.unwrap();
    }

    /// One number.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.pool).await.unwrap()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}")).await
    }

    /// Rows as JSON: `SELECT ...` of whatever.
    pub(crate) async fn rows(&self, query: &str) -> Vec<Value> {
        let query = format!("SELECT to_jsonb(t) FROM ({query}) AS t");
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&self.pool).await.unwrap()
    }

    /// The one row of a table that a condition names, as JSON.
    pub(crate) async fn json(&self, table: &str, condition: &str) -> Value {
        let mut rows = self.rows(&format!("SELECT * FROM {table} WHERE {condition}")).await;
        assert_eq!(rows.len(), 1, "{table} WHERE {condition}: {rows:?}");
        rows.remove(0)
    }

    /// Every value of every column of every table of ours, as text.
    pub(crate) async fn everything(&self) -> String {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
             WHERE schemaname IN ('app', 'quittance')",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let mut all = String::new();
        for table in tables {
            let query = AssertSqlSafe(format!("SELECT t::text FROM {table} AS t"));
            all.extend(sqlx::query_scalar::<_, String>(query).fetch_all(&self.pool).await.unwrap());
        }
        all
    }

    /// A connection for raw SQL.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A thread, because a drop cannot wait within the test's own runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&server).await?;
                let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await?;
                admin.close().await
            })
        });
        match dropped.join() {
            Ok(Ok(())) => {}
            // The test may have stopped its server; the database ends with it.
            Ok(Err(error)) => eprintln!("database {} was left behind: {error}", self.name),
            Err(_) => eprintln!("database {} was left behind", self.name),
        }
    }
}

/// The name of the template for this build of the tests; makes it unless it is there.
async fn template(
    admin: &mut PgConnection,
    server: &str,
    migrate: impl AsyncFnOnce(&str),
) -> String {
    let name = format!("template_{:016x}", build());
    lock(admin).await;
    let there: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&name)
            .fetch_one(&mut *admin)
            .await
            .unwrap();
    if !there {
        // Under another name until it is whole: a failed migration must not leave a template.
        let unfinished = format!("{name}_unfinished");
        run(admin, format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await;
        run(admin, format!("CREATE DATABASE {unfinished}")).await;
        migrate(&with_name(server, &unfinished)).await;
        run(admin, format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await;
    }
    let sql = "SELECT pg_advisory_unlock($1)";
    sqlx::query(sql).bind(TEMPLATE_LOCK).execute(&mut *admin).await.unwrap();
    name
}

/// Not by waiting in `pg_advisory_lock`: a statement that waits holds a snapshot, and for that
/// `CREATE INDEX CONCURRENTLY` and `CREATE DATABASE` elsewhere would have to wait in turn.
async fn lock(admin: &mut PgConnection) {
    loop {
        let locked: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(TEMPLATE_LOCK)
            .fetch_one(&mut *admin)
            .await
            .unwrap();
        if locked {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Tells one build of the tests from another, since its migrations may differ.
fn build() -> u64 {
    let program = std::env::current_exe().unwrap();
    let modified = program.metadata().unwrap().modified().unwrap();
    let mut hasher = DefaultHasher::new();
    (program, modified).hash(&mut hasher);
    hasher.finish()
}

fn with_name(server: &str, name: &str) -> String {
    let mut url = Url::parse(server).unwrap();
    url.set_path(name);
    url.into()
}

async fn run(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}
