//! Effects once.

use quittance::domain::kinds::payment::PaymentStatus;
use quittance::store::Applied;

use super::given::*;
use crate::harness::TestDatabase;

#[tokio::test]
async fn the_same_event_twice_is_once() {
    let db = TestDatabase::migrated().await;
    for _ in 0..2 {
        assert_eq!(apply(&db.store, only(vec![attempt_failed("evt_1")])).await, Applied::Done);
    }
    // Also twice in one slice, and in two settlements of one.
    let twice = || only(vec![attempt_failed("evt_2"), attempt_failed("evt_2")]);
    apply_all(&db.store, [twice(), twice()]).await.unwrap();
    for table in ["quittance.events", "quittance.outbox", "quittance.attempts"] {
        assert_eq!(db.count(table).await, 2, "{table}");
    }
}

#[tokio::test]
async fn the_same_event_at_the_same_time_is_once() {
    let db = TestDatabase::migrated().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = db.store.clone();
        tasks.spawn(async move { apply(&store, only(vec![attempt_failed("evt_1")])).await });
    }
    assert!(tasks.join_all().await.iter().all(|applied| *applied == Applied::Done));
    for table in ["quittance.events", "quittance.outbox", "quittance.attempts"] {
        assert_eq!(db.count(table).await, 1, "{table}");
    }
}

#[tokio::test]
async fn an_event_that_settled_already_keeps_its_first_outcome() {
    let db = TestDatabase::migrated().await;
    let change = || first("pi_1", 100, payment(PaymentStatus::Succeeded));
    apply(&db.store, settlement(change(), vec![succeeded("evt_1")])).await;
    let mut again = attempt_failed("evt_1");
    again.receipt.endpoint = "other".into();
    apply(&db.store, only(vec![again])).await;
    let row = db.json("quittance.events", "true").await;
    assert_eq!(
        (row["outcome"].as_str(), row["endpoint"].as_str()),
        (Some("applied"), Some("default"))
    );
    assert_eq!(db.count("quittance.outbox").await, 1);
}

#[tokio::test]
async fn overlapping_slices_neither_deadlock_nor_lose_anything() {
    let db = TestDatabase::migrated().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8_usize {
        let store = db.store.clone();
        writers.spawn(async move {
            for round in 0..15_usize {
                // The same objects and events for all, each time in another order.
                let mut slice: Vec<_> = (0..6_usize)
                    .flat_map(|n| {
                        let pi = format!("pi_{n}");
                        let event = attempt_failed(&format!("evt_{round}_{n}"));
                        let at = i64::try_from(round).unwrap();
                        [
                            settlement(
                                change(&pi, at, 100 + at, None, payment(PaymentStatus::Processing)),
                                vec![event],
                            ),
                            settlement(
                                change(
                                    &format!("ch_{n}"),
                                    at,
                                    100 + at,
                                    None,
                                    charge(&pi, 100, 10),
                                ),
                                vec![succeeded(&format!("evt_shared_{round}"))],
                            ),
                        ]
                    })
                    .collect();
                let turn = (writer * 5 + round) % slice.len();
                slice.rotate_left(turn);
                if writer % 2 == 1 {
                    slice.reverse();
                }
                // Fails on a deadlock. Nobody starts a round before everything of the one before
                // is written, because whatever is in conflict was written by another.
                apply_all(&store, slice).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    assert_eq!(db.number("SELECT min(version) FROM quittance.objects").await, 15);
    assert_eq!(db.number("SELECT max(version) FROM quittance.objects").await, 15);
    assert_eq!(db.count("quittance.events").await, 15 * 7);
    assert_eq!(
        db.number("SELECT count(*) FROM quittance.outbox WHERE sort = 'occurrence'").await,
        15 * 6
    );
    assert_eq!(
        db.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            .await,
        0
    );
}

#[tokio::test]
async fn within_one_object_the_order_of_the_outbox_is_the_order_of_the_changes() {
    let db = TestDatabase::migrated().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..6 {
        let store = db.store.clone();
        writers.spawn(async move {
            for n in 0..10 {
                let status = if n % 2 == 0 {
                    PaymentStatus::Processing
                } else {
                    PaymentStatus::RequiresAction
                };
                observe(&store, "pi_1", 100, payment(status)).await;
                apply(&store, only(vec![attempt_failed(&format!("evt_{writer}_{n}"))])).await;
            }
        });
    }
    writers.join_all().await;
    let versions: Vec<i64> = sqlx::query_scalar(
        "SELECT (payload ->> 'version')::bigint FROM quittance.outbox WHERE sort = 'state' ORDER BY seq",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert!(versions.is_sorted() && versions.len() > 1, "{versions:?}");
    assert_eq!(
        db.number("SELECT count(*) FROM quittance.outbox WHERE sort = 'occurrence'").await,
        60
    );
}
