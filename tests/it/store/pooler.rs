//! PgBouncer in front of Postgres.

use futures_util::future::join_all;
use quittance::domain::failure::{Class, Dependency};
use quittance::store::{Store, StoreError, schema};

use crate::harness::{PgBouncer, Program, TestDatabase};

#[tokio::test]
async fn a_pooler_that_pools_by_session_is_as_good_as_postgres_itself() {
    let db = TestDatabase::empty().await;
    let Some(pooler) = PgBouncer::start(&db.url(), "session").await else { return };
    let settings = pooler.settings(&db.url());
    schema::migrate(&settings).await.unwrap();
    let stores = [(); 2].map(|()| Store::connect(&settings, "worker").unwrap());
    for store in &stores {
        store.check_schema().await.unwrap();
    }
    let calls = (0..60).map(|number| stores[number % 2].pulse());
    for pulse in join_all(calls).await {
        pulse.unwrap();
    }
    for store in stores {
        store.close().await;
    }
}

#[tokio::test]
async fn a_pooler_that_pools_by_transaction_is_refused_before_any_work() {
    let db = TestDatabase::migrated().await;
    let Some(pooler) = PgBouncer::start(&db.url(), "transaction").await else { return };
    let url = pooler.url(&db.url());
    let redis = crate::harness::redis_url();
    for role in ["migrate", "worker", "admin"] {
        let env = [("DATABASE_URL", url.as_str()), ("REDIS_URL", redis.as_str())];
        let ended = Program::run(&[role], &env).await;
        assert_eq!(ended.code, Some(3), "{role}: {ended:?}");
        for part in ["pool_mode = session", "database.url"] {
            assert!(ended.stderr.contains(part), "{role}: {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn a_prepared_statement_of_another_session_pauses_the_work_and_buries_no_event() {
    let db = TestDatabase::empty().await;
    let mut connection = db.connect().await;
    sqlx::raw_sql("PREPARE ours AS SELECT 1").execute(&mut connection).await.unwrap();
    for statement in ["PREPARE ours AS SELECT 2", "EXECUTE theirs"] {
        let error = sqlx::raw_sql(statement).execute(&mut connection).await.unwrap_err();
        let error = StoreError::from(error);
        assert!(matches!(error, StoreError::TransactionPooling(Some(_))), "{error:?}");
        assert_eq!(error.class(), Class::Misconfigured(Dependency::Postgres));
        assert_eq!(error.code(), "postgres_transaction_pooling");
    }
}

#[tokio::test]
async fn a_pool_that_gets_no_connection_says_that_the_pooler_is_why() {
    let db = TestDatabase::migrated().await;
    let Some(pooler) = PgBouncer::start(&db.url(), "transaction").await else { return };
    let store = Store::connect(&pooler.settings(&db.url()), "worker").unwrap();
    let error = store.unreachable_because().await.unwrap();
    assert_eq!(error.code(), "postgres_transaction_pooling", "{error:?}");
}
