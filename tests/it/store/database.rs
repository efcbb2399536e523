//! A database of its own for each test, copied from a migrated template.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use quittance::config::{Database, Secret};
use quittance::store::{Store, schema};
use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

const SERVER: &str = "QUITTANCE_TEST_DATABASE_URL";

/// One test's database; dropped with it.
pub(crate) struct TestDatabase {
    pub(crate) store: Store,
    /// For looking behind the store's back.
    pub(crate) pool: PgPool,
    name: String,
}

pub(crate) fn server() -> String {
    std::env::var(SERVER).unwrap_or_else(|_| {
        panic!("{SERVER} is not set: run `make test`, which starts a Postgres of its own")
    })
}

fn url(database: &str) -> String {
    let server = server();
    let (base, query) =
        server.split_once('?').map_or((&*server, ""), |(base, query)| (base, query));
    let (base, _) = base.rsplit_once('/').expect("the URL names a database");
    format!("{base}/{database}{}{query}", if query.is_empty() { "" } else { "?" })
}

pub(crate) fn settings(database: &str) -> Database {
    Database {
        url: Secret::new(url(database)),
        max_connections: 8,
        acquire_timeout: Duration::from_secs(60),
        statement_timeout: Duration::from_secs(60),
    }
}

async fn admin(statement: &str) {
    let mut connection = PgConnection::connect(&server()).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}

fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("quittance_{what}_{}_{n}", std::process::id())
}

/// The template's name follows from the migrations, so it is made once for all runs.
async fn template() -> String {
    let mut files: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(std::fs::read(file).unwrap());
    }
    let name = format!("quittance_template_{}", &hex::encode(hash.finalize())[..16]);

    let mut connection = PgConnection::connect(&server()).await.unwrap();
    connection.execute("SELECT pg_advisory_lock(7711)").await.unwrap();
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&name)
            .fetch_one(&mut connection)
            .await
            .unwrap();
    if !exists {
        // Under another name until it is whole: a run that is interrupted leaves no half template.
        let making = unique("making");
        admin(&format!("CREATE DATABASE {making}")).await;
        schema::migrate(&settings(&making)).await.unwrap();
        admin(&format!("ALTER DATABASE {making} RENAME TO {name}")).await;
    }
    connection.close().await.unwrap();
    name
}

impl TestDatabase {
    pub(crate) async fn migrated() -> Self {
        let template = template().await;
        Self::create(&format!(" TEMPLATE {template}")).await
    }

    pub(crate) async fn empty() -> Self {
        Self::create("").await
    }

    async fn create(suffix: &str) -> Self {
        let name = unique("test");
        admin(&format!("CREATE DATABASE {name}{suffix}")).await;
        let store = Store::connect(&settings(&name), "test").unwrap();
        let pool = PgPoolOptions::new().max_connections(2).connect_lazy(&url(&name)).unwrap();
        Self { store, pool, name }
    }

    pub(crate) fn settings(&self) -> Database {
        settings(&self.name)
    }

    pub(crate) async fn execute(&self, statement: &'static str) {
        self.pool.execute(statement).await.unwrap();
    }

    /// One number.
    pub(crate) async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&self.pool).await.unwrap()
    }

    /// One row as JSON.
    pub(crate) async fn json(&self, table: &str, condition: &str) -> serde_json::Value {
        let query = format!("SELECT to_jsonb(t) FROM {table} AS t WHERE {condition}");
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&self.pool).await.unwrap()
    }

    /// Every value of every column of every table of ours, as text.
    pub(crate) async fn everything(&self) -> String {
        let tables = sqlx::query(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
             WHERE schemaname IN ('app', 'quittance')",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let mut all = String::new();
        for table in tables {
            let query = format!("SELECT t::text FROM {} AS t", table.get::<String, _>(0));
            let rows: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&self.pool).await.unwrap();
            all.extend(rows);
        }
        all
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // The test's runtime is going away; this one outlives it by a moment.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(admin(&statement));
        });
        let gone = dropped.join();
        assert!(gone.is_ok() || std::thread::panicking(), "the database was not dropped");
    }
}
