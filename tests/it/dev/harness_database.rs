//! The databases that the harness gives to tests.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{TestDatabase, private_postgres};
use sqlx::{Connection, PgConnection};

#[tokio::test]
async fn every_test_gets_a_migrated_database_of_its_own_and_one_template_serves_all() {
    let postgres = private_postgres().await;
    let server = postgres.url("postgres");
    let migrations = AtomicUsize::new(0);
    let create = || {
        TestDatabase::create_on(&server, async |url| {
            migrations.fetch_add(1, Ordering::SeqCst);
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::raw_sql("CREATE TABLE t (n bigint)").execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        })
    };
    let (a, b, c) = tokio::join!(create(), create(), create());
    assert_eq!(migrations.load(Ordering::SeqCst), 1);
    let insert = "INSERT INTO t VALUES (1)";
    sqlx::raw_sql(insert).execute(&mut a.connect().await).await.unwrap();
    for (database, expected) in [(&a, 1_i64), (&b, 0), (&c, 0)] {
        let mut connection = database.connect().await;
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&mut connection).await.unwrap();
        assert_eq!(count, expected);
    }
    let url = a.url();
    let _still_connected = a.connect().await;
    drop(a);
    assert!(PgConnection::connect(&url).await.is_err());
}
