//! Many callers, each with one object, share round trips and commits.

use std::time::Duration;

use futures_util::future::join_all;
use quittance::config::Database;
use quittance::domain::failure::{Class, Dependency};
use quittance::domain::kinds::payment::PaymentStatus;
use quittance::domain::kinds::refund;
use quittance::domain::object::Kind;
use quittance::store::{Applied, BatchedStore, Store, StoreError};

use super::given::*;
use crate::harness::{TestDatabase, within};

fn paid(n: usize) -> quittance::store::Settlement {
    let change = first(&format!("pi_{n}"), 100, payment(PaymentStatus::Succeeded));
    settlement(change, vec![succeeded(&format!("evt_{n}"))])
}

async fn commits(db: &TestDatabase) -> i64 {
    db.number("SELECT count(DISTINCT xmin::text) FROM quittance.events").await
}

#[tokio::test]
async fn what_comes_at_the_same_time_shares_a_commit_and_what_comes_alone_has_its_own() {
    let db = TestDatabase::migrated().await;
    let together = BatchedStore::new(&db.store);
    for n in 0..3 {
        assert_eq!(together.apply(paid(n)).await.unwrap(), Applied::Done);
    }
    assert_eq!(commits(&db).await, 3);

    let crowd = (3..33).map(|n| together.apply(paid(n)));
    for applied in join_all(crowd).await {
        assert_eq!(applied.unwrap(), Applied::Done);
    }
    assert_eq!(db.count("app.payments").await, 33);
    let commits = commits(&db).await - 3;
    assert!(commits <= 3, "30 events came in {commits} commits");
}

#[tokio::test]
async fn each_hears_of_its_own_conflict_and_of_its_own_error() {
    let db = TestDatabase::migrated().await;
    db.execute("ALTER TABLE app.payments ADD CONSTRAINT not_7 CHECK (amount <> 7)").await;
    apply(&db.store, settlement(first("pi_3", 100, payment(PaymentStatus::Processing)), vec![]))
        .await;
    let together = BatchedStore::new(&db.store);
    let each = (0..20).map(async |n| {
        let mut settlement = paid(n);
        if n == 7 {
            // A value that breaks a constraint, in the midst of good ones.
            settlement.change = Some(first("pi_7", 100, of_amount(7)));
        }
        (n, together.apply(settlement).await)
    });
    for (n, applied) in join_all(each).await {
        match (n, applied) {
            (3, applied) => assert_eq!(applied.unwrap(), Applied::Conflict),
            (7, applied) => {
                let error = applied.unwrap_err();
                assert!(
                    matches!(&error, StoreError::Constraint { constraint, .. } if constraint == "not_7"),
                    "{error:?}"
                );
                assert_eq!(error.class(), Class::Permanent);
            }
            (_, applied) => assert_eq!(applied.unwrap(), Applied::Done, "{n}"),
        }
    }
    assert_eq!(db.count("quittance.events").await, 18, "all but the two, and each once");
    let told = "SELECT count(*) FROM quittance.outbox WHERE topic = 'payment.succeeded'";
    assert_eq!(db.number(told).await, 18);
}

#[tokio::test]
async fn a_write_that_waits_for_a_lock_fails_as_contention_and_keeps_no_other_write_waiting() {
    let db = TestDatabase::migrated().await;
    // No statement is cut off for taking long: it is the lock that no write waits for. And there are
    // fewer connections than writes.
    let settings = Database {
        statement_timeout: Duration::from_hours(1),
        max_connections: 4,
        ..db.settings()
    };
    let together = BatchedStore::new(&Store::connect(&settings, "test").unwrap());
    // An operator builds an index, say: no refund can be written.
    let mut other = db.connect().await;
    let lock = "BEGIN; LOCK TABLE app.refunds IN SHARE MODE";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();

    let refunded = |n: u32| {
        let change = first(&format!("re_{n}"), 100, refund(refund::RefundStatus::Succeeded));
        settlement(change, vec![succeeded(&format!("evt_re_{n}"))])
    };
    // One by itself, so that the others are behind it, and fewer than make a second round trip.
    let alone = tokio::spawn({
        let together = together.clone();
        async move { together.apply(refunded(0)).await }
    });
    let payments = join_all((0..3).map(|n| together.apply(paid(n))));
    let payments = within("they go on", payments).await;
    assert!(payments.iter().all(|applied| matches!(applied, Ok(Applied::Done))), "{payments:?}");
    let contended = |applied: Result<Applied, StoreError>| {
        let error = applied.unwrap_err();
        assert!(matches!(error, StoreError::Contention(_)), "{error:?}");
        assert_eq!(error.class(), Class::Transient, "Postgres is not down");
    };
    contended(within("it fails", alone).await.unwrap());

    let many = join_all((1..20).map(|n| together.apply(refunded(n))));
    within("each fails", many).await.into_iter().for_each(contended);

    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(together.apply(refunded(0)).await.unwrap(), Applied::Done);
}

#[tokio::test]
async fn each_is_told_what_is_known_of_its_own_object() {
    let db = TestDatabase::migrated().await;
    for n in [2, 5] {
        apply(&db.store, paid(n)).await;
    }
    let together = BatchedStore::new(&db.store);
    let each = (0..8).map(async |n| {
        let events = vec![eid(&format!("evt_{n}")), eid("evt_new")];
        let known = together.load(events, subject(Kind::PaymentIntent, &format!("pi_{n}"))).await;
        (n, known.unwrap())
    });
    for (n, known) in join_all(each).await {
        let is_known = [2, 5].contains(&n);
        assert_eq!(known.settled, [is_known, false], "{n}");
        assert_eq!(known.row.is_some(), is_known, "{n}");
        assert_eq!(known.access_ended, None);
    }
}

#[tokio::test]
async fn when_postgres_is_gone_each_hears_of_that_and_nobody_tries_alone() {
    let db = TestDatabase::migrated().await;
    let together = BatchedStore::new(&db.store);
    db.store.close().await;
    let each = (0..5).map(|n| together.apply(paid(n)));
    for applied in join_all(each).await {
        let error = applied.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable(Dependency::Postgres));
        assert!(matches!(error, StoreError::Shared(_)), "{error:?}");
    }
}
