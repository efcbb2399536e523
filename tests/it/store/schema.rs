//! The schema and the binary.

use quittance::domain::failure::{Class, Dependency};
use quittance::store::{Store, StoreError, schema};

use super::given::*;
use crate::harness::{self, TestDatabase};

#[tokio::test]
async fn a_schema_that_is_too_old_is_said_with_its_remedy() {
    let db = TestDatabase::empty().await;
    let error = db.store.check_schema().await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("schema is at nothing, this binary needs ")
            && text.ends_with(": run `quittance migrate`"),
        "{text}"
    );
    assert_eq!(error.class(), Class::Misconfigured(Dependency::Postgres));

    schema::migrate(&db.settings()).await.unwrap();
    db.store.check_schema().await.unwrap();
    db.execute(
        "DELETE FROM quittance._sqlx_migrations
         WHERE version = (SELECT max(version) FROM quittance._sqlx_migrations)",
    )
    .await;
    let error = db.store.check_schema().await.unwrap_err();
    assert!(matches!(error, StoreError::SchemaTooOld { have: Some(have), need } if have < need));
}

#[tokio::test]
async fn a_schema_that_is_newer_works_and_is_left_alone() {
    let db = TestDatabase::migrated().await;
    db.execute(
        "INSERT INTO quittance._sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99990101000000, 'later', true, 'x', 0)",
    )
    .await;
    db.store.check_schema().await.unwrap();
    schema::migrate(&db.settings()).await.unwrap();
}

#[tokio::test]
async fn a_schema_from_other_migrations_is_refused() {
    let db = TestDatabase::migrated().await;
    db.execute("UPDATE quittance._sqlx_migrations SET checksum = 'x' WHERE version = 1").await;
    for error in [
        db.store.check_schema().await.unwrap_err(),
        schema::migrate(&db.settings()).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::SchemaDiffers { version: 1 }), "{error:?}");
    }
}

#[tokio::test]
async fn migrating_twice_and_at_once_is_once_and_leaves_the_products_migrations_alone() {
    let db = TestDatabase::empty().await;
    db.execute("CREATE TABLE public._sqlx_migrations (theirs text)").await;
    let settings = db.settings();
    let (one, two) = tokio::join!(schema::migrate(&settings), schema::migrate(&settings));
    one.unwrap();
    two.unwrap();
    db.store.check_schema().await.unwrap();
    assert_eq!(db.count("public._sqlx_migrations").await, 0);
}

#[tokio::test]
async fn a_database_that_was_never_migrated_pauses_the_work_instead_of_burying_it() {
    let db = TestDatabase::empty().await;
    let error = apply_all(&db.store, [only(vec![succeeded("evt_1")])]).await.unwrap_err();
    assert_eq!(error.class(), Class::Misconfigured(Dependency::Postgres));
    let missing =
        Store::connect(&harness::database_settings("quittance_no_such_database"), "test").unwrap();
    let error = missing.ready().await.unwrap_err();
    assert_eq!(error.class(), Class::Misconfigured(Dependency::Postgres));
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_cut_off() {
    let db = TestDatabase::migrated().await;
    let mut settings = db.settings();
    settings.statement_timeout = std::time::Duration::from_millis(50);
    let store = Store::connect(&settings, "test").unwrap();
    // Somebody holds the table for good.
    let mut held = db.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE quittance.events").execute(&mut *held).await.unwrap();
    let error = apply_all(&store, [only(vec![succeeded("evt_1")])]).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error:?}");
    held.rollback().await.unwrap();
    assert_eq!(apply_all(&store, [only(vec![succeeded("evt_1")])]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn postgres_going_away_is_an_outage_and_not_a_fault_of_the_job() {
    let db = TestDatabase::migrated().await;
    let mut settings = db.settings();
    settings.acquire_timeout = std::time::Duration::from_millis(200);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    settings.url = quittance::config::Secret::new(format!("postgres://x@127.0.0.1:{port}/x"));
    let error = Store::connect(&settings, "test").unwrap().ready().await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable(Dependency::Postgres), "{error:?}");

    db.store.ready().await.unwrap();
    db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'quittance test' AND datname = current_database()",
    )
    .await;
    // The connections that were cut are found out and replaced, each with one such error at most.
    for _ in 0..9 {
        match db.store.ready().await {
            Ok(()) => return,
            Err(error) => {
                assert_eq!(error.class(), Class::Unavailable(Dependency::Postgres), "{error:?}");
            }
        }
    }
    panic!("it never came back");
}
