//! A fresh, migrated database for each test.

use std::hash::{DefaultHasher, Hash, Hasher};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;

/// Guards the making of the template, between threads and between test processes.
const TEMPLATE_LOCK: i64 = 0x7175_6974_7465_7374;

/// A database of one test. It is dropped with this, whoever is still connected.
pub(crate) struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    /// A copy of a template on the shared server. The first test to come makes the template, with
    /// `migrate`, which gets its URL and must leave no connection open.
    pub(crate) async fn create(migrate: impl AsyncFnOnce(&str)) -> Self {
        Self::create_on(&super::database_url(), migrate).await
    }

    /// The same on a server of the test's own. `server` is a superuser's URL.
    pub(crate) async fn create_on(server: &str, migrate: impl AsyncFnOnce(&str)) -> Self {
        let mut admin = PgConnection::connect(server).await.unwrap();
        let template = template(&mut admin, server, migrate).await;
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        run(&mut admin, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        admin.close().await.unwrap();
        Self { server: server.to_owned(), name }
    }

    /// What a role gets as `DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        with_name(&self.server, &self.name)
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
