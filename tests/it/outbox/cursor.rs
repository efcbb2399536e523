//! Reading the outbox by SQL.

use quittance::domain::kinds::payment::PaymentStatus;
use sqlx::postgres::{PgConnection, PgListener};
use sqlx::{Connection as _, Row as _};

use super::{until, write_occurrence};
use crate::harness::{TestDatabase, eventually, within};
use crate::store::given::{observe, payment};

const INSERT: &str = "
    INSERT INTO quittance.outbox (id, topic, sort, account, livemode, object_kind, object_id, payload)
    VALUES (gen_random_uuid(), 'payment.succeeded', 'state', '', false, 'payment_intent', $1,
            '{\"v\": 1, \"occurred\": 0}')";

async fn insert(connection: &mut PgConnection, object: &str) {
    sqlx::query(INSERT).bind(object).execute(connection).await.unwrap();
}

/// Reads what comes after a cursor: the objects, and the last cursor.
async fn read(db: &TestDatabase, cursor: &str) -> (Vec<String>, String) {
    let rows = sqlx::query("SELECT cursor, body FROM quittance.outbox_after($1, 100)")
        .bind(cursor)
        .fetch_all(&db.pool)
        .await
        .unwrap();
    let last = rows.last().map_or(cursor.to_owned(), |row| row.get("cursor"));
    let object = |row| {
        let body: serde_json::Value = sqlx::Row::get(row, "body");
        body["object"]["id"].as_str().unwrap().to_owned()
    };
    (rows.iter().map(object).collect(), last)
}

#[tokio::test]
async fn a_row_that_commits_late_is_not_skipped() {
    let db = TestDatabase::migrated().await;
    let mut first = db.pool.acquire().await.unwrap();
    let mut second = PgConnection::connect(db.settings().url.reveal()).await.unwrap();

    let mut late = first.begin().await.unwrap();
    insert(&mut late, "pi_late").await;
    insert(&mut second, "pi_early").await;
    // What is committed could be read already; a cursor that took it would pass pi_late for good.
    let seen = db.count("quittance.outbox").await;
    assert_eq!((seen, read(&db, "").await.0), (1, vec![]));
    late.commit().await.unwrap();

    // Other tests' transactions on this server hold it up too.
    until(&db, "SELECT count(*) FROM quittance.outbox_after('', 100)", 2).await;
    let (objects, cursor) = read(&db, "").await;
    assert_eq!(objects, ["pi_late", "pi_early"]);
    assert_eq!(read(&db, &cursor).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_row_that_commits_late_is_fanned_out() {
    let db = TestDatabase::migrated().await;
    let start = quittance::config::Start::Beginning;
    db.store.open_destination("http:default", start).await.unwrap();
    let fan_out = || async { db.store.fan_out("http:default", &[], 100).await.unwrap() };
    let mut first = db.pool.acquire().await.unwrap();
    let mut second = PgConnection::connect(db.settings().url.reveal()).await.unwrap();
    let mut late = first.begin().await.unwrap();
    insert(&mut late, "pi_late").await;
    insert(&mut second, "pi_early").await;
    assert_eq!(fan_out().await, 0);
    late.commit().await.unwrap();
    let mut passed = 0;
    eventually("both are fanned out", async || {
        passed += fan_out().await;
        passed >= 2
    })
    .await;
    assert_eq!(db.count("quittance.outbox_deliveries").await, 2);
}

#[tokio::test]
async fn reading_from_a_cursor_skips_nothing_and_keeps_the_order_of_an_object() {
    let db = TestDatabase::migrated().await;
    let steps =
        [PaymentStatus::RequiresAction, PaymentStatus::Processing, PaymentStatus::Succeeded];
    for (at, status) in (100..).zip(steps) {
        observe(&db.store, "pi_1", at, payment(status)).await;
    }
    until(&db, "SELECT count(*) FROM quittance.outbox_after('', 100)", 3).await;
    let mut cursor = String::new();
    let mut topics = Vec::new();
    loop {
        let row = sqlx::query("SELECT cursor, topic FROM quittance.outbox_after($1, 1)")
            .bind(&cursor)
            .fetch_optional(&db.pool)
            .await
            .unwrap();
        let Some(row) = row else { break };
        cursor = row.get("cursor");
        topics.push(row.get::<String, _>("topic"));
    }
    assert_eq!(topics, ["payment.requires_action", "payment.processing", "payment.succeeded"]);
}

#[tokio::test]
async fn a_listening_session_is_woken_once_there_is_something_to_read() {
    let db = TestDatabase::migrated().await;
    let mut listener = PgListener::connect(db.settings().url.reveal()).await.unwrap();
    listener.listen("quittance_outbox").await.unwrap();
    assert_eq!(db.store.announce("").await.unwrap(), "", "the outbox is empty");
    write_occurrence(&db, "evt_1", "pi_1").await;
    let mut cursor = String::new();
    eventually("there is something to read", async || {
        cursor = db.store.announce(&cursor).await.unwrap();
        !cursor.is_empty()
    })
    .await;
    within("the listener is woken", listener.recv()).await.unwrap();
    assert_eq!(read(&db, "").await, (vec!["pi_1".to_owned()], cursor));
}

#[tokio::test]
async fn a_restored_database_is_read_in_the_same_order() {
    let db = TestDatabase::migrated().await;
    for (event, object) in [("evt_1", "pi_1"), ("evt_2", "pi_2"), ("evt_3", "pi_3")] {
        write_occurrence(&db, event, object).await;
    }
    // As if another server had been further on.
    db.execute("UPDATE quittance.outbox SET xid = (xid::text::numeric + 1000000)::text::xid8")
        .await;
    assert_eq!(read(&db, "").await.0, Vec::<String>::new());
    db.execute("SELECT quittance.outbox_restored()").await;
    until(&db, "SELECT count(*) FROM quittance.outbox_after('', 100)", 3).await;
    assert_eq!(read(&db, "").await.0, ["pi_1", "pi_2", "pi_3"]);
}

#[tokio::test]
async fn the_transaction_that_holds_the_outbox_back_is_shown_with_its_session() {
    let db = TestDatabase::migrated().await;
    let mut session = db.connect().await;
    sqlx::raw_sql("SET application_name = 'a long migration'").execute(&mut session).await.unwrap();
    let pid: i32 =
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut session).await.unwrap();
    let named =
        async || db.store.outbox_hold().await.unwrap().is_some_and(|it| it.pid == Some(pid));

    let mut transaction = session.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM quittance.outbox").execute(&mut *transaction).await.unwrap();
    // Only reading, it holds nothing back.
    assert!(!named().await);
    insert(&mut transaction, "pi_1").await;
    // Other tests' transactions on this server may be older.
    eventually("it is named", named).await;
    let hold = db.store.outbox_hold().await.unwrap().unwrap();
    assert_eq!(hold.application.as_deref(), Some("a long migration"));
    assert_eq!(hold.state.as_deref(), Some("idle in transaction"));
    assert!(hold.username.is_some() && hold.database.is_some() && hold.seconds >= 0);
    transaction.commit().await.unwrap();
    assert!(!named().await);
}
