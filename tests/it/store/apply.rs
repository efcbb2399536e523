//! The compare-and-set.

use quittance::domain::failure::Class;
use quittance::domain::id::{AccountId, Mode, Scope};
use quittance::domain::kinds::payment::PaymentStatus;
use quittance::domain::object::{Kind, Recorded};
use quittance::domain::transition::RecordedStatus;
use quittance::store::{Applied, StoreError};
use serde_json::json;

use super::given::*;
use crate::harness::TestDatabase;

#[tokio::test]
async fn a_change_of_a_row_that_is_no_longer_as_read_is_refused_whole() {
    let db = TestDatabase::migrated().await;
    let processing = || first("pi_1", 100, payment(PaymentStatus::Processing));
    assert_eq!(
        apply(&db.store, settlement(processing(), vec![succeeded("evt_1")])).await,
        Applied::Done
    );
    // Decided on "no row", and on a version that never was.
    for version in [0, 2] {
        let late = change("pi_1", version, 200, None, payment(PaymentStatus::Succeeded));
        assert_eq!(
            apply(&db.store, settlement(late, vec![attempt_failed("evt_2")])).await,
            Applied::Conflict
        );
    }
    assert_eq!(db.json("app.payments", "true").await["status"], "processing");
    assert_eq!(db.count("quittance.events").await, 1);
    assert_eq!(db.count("quittance.attempts").await, 1);
    assert_eq!(db.count("app.transitions").await, 1);
    assert_eq!(db.count("quittance.outbox").await, 1);
}

#[tokio::test]
async fn a_change_of_a_row_that_is_not_there_is_refused() {
    let db = TestDatabase::migrated().await;
    let change = change("pi_1", 5, 200, None, payment(PaymentStatus::Succeeded));
    assert_eq!(apply(&db.store, settlement(change, vec![])).await, Applied::Conflict);
    assert_eq!(db.count("quittance.objects").await, 0);
}

#[tokio::test]
async fn of_writers_that_read_the_same_version_exactly_one_wins() {
    let db = TestDatabase::migrated().await;
    for version in 0..5 {
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let store = db.store.clone();
            let change = change("pi_1", version, 100, None, payment(PaymentStatus::Processing));
            writers.spawn(async move { apply(&store, settlement(change, vec![])).await });
        }
        let results = writers.join_all().await;
        assert_eq!(results.iter().filter(|r| **r == Applied::Done).count(), 1, "{results:?}");
    }
    assert_eq!(db.number("SELECT version FROM quittance.objects").await, 5);
    assert_eq!(db.number("SELECT version FROM app.payments").await, 5);
}

#[tokio::test]
async fn an_older_observation_never_overwrites_a_newer_one() {
    let db = TestDatabase::migrated().await;
    apply(&db.store, settlement(first("pi_1", 100, payment(PaymentStatus::Succeeded)), vec![]))
        .await;
    let at = |at| change("pi_1", 1, at, None, payment(PaymentStatus::Processing));
    assert_eq!(apply(&db.store, settlement(at(99), vec![])).await, Applied::Conflict);
    assert_eq!(db.json("app.payments", "true").await["status"], "succeeded");
    // The same second is not older.
    assert_eq!(apply(&db.store, settlement(at(100), vec![])).await, Applied::Done);
}

#[tokio::test]
async fn a_tombstone_is_never_resurrected() {
    let db = TestDatabase::migrated().await;
    let pi = |id| subject(Kind::PaymentIntent, id);
    apply(&db.store, settlement(first("pi_1", 100, payment(PaymentStatus::Processing)), vec![]))
        .await;
    let dead = tombstone(Kind::PaymentIntent, "pi_1", 1, 200);
    assert_eq!(apply(&db.store, settlement(dead, vec![succeeded("evt_1")])).await, Applied::Done);
    // One that was never seen alive.
    let unseen = tombstone(Kind::PaymentIntent, "pi_2", 0, 200);
    assert_eq!(apply(&db.store, settlement(unseen, vec![])).await, Applied::Done);

    for (id, version) in [("pi_1", 2), ("pi_1", 0), ("pi_2", 1), ("pi_2", 0)] {
        let late = change(id, version, 300, None, payment(PaymentStatus::Succeeded));
        assert_eq!(apply(&db.store, settlement(late, vec![])).await, Applied::Conflict);
    }
    let loaded = db.store.load(&[&eid("evt_1")], &[pi("pi_1"), pi("pi_2")]).await.unwrap();
    assert!(loaded.settled.contains(&eid("evt_1")));
    let rows: Vec<_> = loaded.rows.into_iter().flatten().collect();
    assert!(rows.iter().all(|row| row.deleted));
    assert_eq!(
        rows[0].recorded,
        Some(Recorded::PaymentIntent(RecordedStatus { status: PaymentStatus::Processing.into() }))
    );
    assert_eq!(rows[1].recorded, None);
    let row = db.json("app.payments", "true").await;
    assert_eq!((&row["deleted"], &row["version"]), (&json!(true), &json!(2)));
}

#[tokio::test]
async fn a_failure_in_the_middle_leaves_nothing_of_the_slice() {
    let db = TestDatabase::migrated().await;
    // The last thing that is written of a settlement fails.
    db.execute(
        "ALTER TABLE quittance.outbox ADD CONSTRAINT outbox_no_occurrence
         CHECK (sort <> 'occurrence')",
    )
    .await;
    let slice = [
        settlement(first("ch_1", 100, charge("pi_1", 1000, 300)), vec![]),
        settlement(
            first("pi_1", 100, payment(PaymentStatus::Succeeded)),
            vec![attempt_failed("evt_1"), succeeded("evt_2")],
        ),
    ];
    let error = apply_all(&db.store, slice).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Constraint { constraint, .. } if constraint == "outbox_no_occurrence"),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Permanent);
    assert_eq!(error.code(), "constraint_outbox_no_occurrence");
    for table in [
        "app.payments",
        "app.charges",
        "app.transitions",
        "quittance.objects",
        "quittance.events",
        "quittance.attempts",
        "quittance.outbox",
    ] {
        assert_eq!(db.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn an_error_does_not_show_the_row_that_it_is_about() {
    let db = TestDatabase::migrated().await;
    db.execute(
        "ALTER TABLE app.payments ADD CONSTRAINT no_processing CHECK (status <> 'processing')",
    )
    .await;
    let mut observed = payment(PaymentStatus::Processing);
    if let quittance::domain::object::Observed::PaymentIntent(o) = &mut observed {
        o.description = Some("jane@example.com".into());
    }
    let change = settlement(first("pi_1", 100, observed), vec![]);
    let error = apply_all(&db.store, [change]).await.unwrap_err();
    let shown = format!("{error} {error:?} {:?}", error.failure());
    assert!(shown.contains("no_processing") && !shown.contains("jane"), "{shown}");
}

#[tokio::test]
async fn a_slice_of_many_kinds_is_settled_in_one_call_and_conflicts_stay_alone() {
    let db = TestDatabase::migrated().await;
    apply(&db.store, settlement(first("pi_2", 100, payment(PaymentStatus::Processing)), vec![]))
        .await;
    let ignored = |id: &str| {
        let mut ignored = succeeded(id);
        ignored.outcome = quittance::store::Outcome::Ignored;
        ignored.event.about = None;
        ignored
    };
    let slice = [
        settlement(first("pi_1", 100, payment(PaymentStatus::Succeeded)), vec![succeeded("evt_1")]),
        settlement(
            first("pi_2", 100, payment(PaymentStatus::Succeeded)),
            vec![attempt_failed("evt_2")],
        ),
        only(vec![attempt_failed("evt_3"), ignored("evt_4")]),
        settlement(first("ch_1", 100, charge("pi_1", 1000, 300)), vec![]),
        settlement(
            first("re_1", 100, refund(quittance::domain::kinds::refund::RefundStatus::Succeeded)),
            vec![succeeded("evt_5"), succeeded("evt_6")],
        ),
        // A second change of one object in one slice.
        settlement(first("ch_1", 100, charge("pi_1", 1, 1)), vec![succeeded("evt_7")]),
    ];
    let applied = apply_all(&db.store, slice).await.unwrap();
    use Applied::{Conflict, Done};
    assert_eq!(applied, [Done, Conflict, Done, Done, Done, Conflict]);

    let ledger: Vec<(String, String)> =
        sqlx::query_as("SELECT id, status FROM quittance.events ORDER BY id")
            .fetch_all(&db.pool)
            .await
            .unwrap();
    let ledger: Vec<_> = ledger.iter().map(|(id, status)| (&**id, &**status)).collect();
    assert_eq!(
        ledger,
        [
            ("evt_1", "settled"),
            ("evt_3", "settled"),
            ("evt_4", "ignored"),
            ("evt_5", "settled"),
            ("evt_6", "settled")
        ]
    );
    let row = db.json("app.payments", "stripe_payment_intent_id = 'pi_1'").await;
    assert_eq!((&row["amount_captured"], &row["amount_refunded"]), (&json!(1000), &json!(300)));
    let topics: Vec<String> = sqlx::query_scalar(
        "SELECT topic FROM quittance.outbox WHERE object_id <> 'pi_2' ORDER BY seq",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(
        topics,
        ["payment.succeeded", "payment.refunded", "refund.succeeded", "payment.attempt_failed"]
    );
}

#[tokio::test]
async fn an_id_of_another_account_or_mode_is_refused() {
    let db = TestDatabase::migrated().await;
    apply(&db.store, settlement(first("pi_1", 100, payment(PaymentStatus::Processing)), vec![]))
        .await;
    for (account, mode) in [(None, Mode::Live), (Some("acct_1"), Mode::Test)] {
        let account = account.map(|id| AccountId::parse(id).unwrap());
        let mut foreign = first("pi_1", 200, payment(PaymentStatus::Succeeded));
        foreign.subject.scope = Scope { account, mode };
        let error = apply_all(&db.store, [settlement(foreign, vec![])]).await.unwrap_err();
        assert!(matches!(error, StoreError::ForeignScope(_)), "{error:?}");
    }
    assert_eq!(db.count("quittance.objects").await, 1);
    assert_eq!(db.json("app.payments", "true").await["status"], "processing");
}

#[tokio::test]
async fn an_impossible_move_is_applied_and_marked() {
    let db = TestDatabase::migrated().await;
    observe(&db.store, "pi_1", 100, payment(PaymentStatus::Succeeded)).await;
    observe(&db.store, "pi_1", 101, payment(PaymentStatus::Succeeded)).await;
    observe(&db.store, "pi_1", 102, payment(PaymentStatus::Processing)).await;
    assert_eq!(db.json("app.payments", "true").await["status"], "processing");
    assert_eq!(db.number("SELECT version FROM app.payments").await, 3);
    let transitions: Vec<(Option<String>, String, String)> =
        sqlx::query_as("SELECT from_status, to_status, kind FROM app.transitions ORDER BY id")
            .fetch_all(&db.pool)
            .await
            .unwrap();
    // Seen again unchanged is a write, but no transition.
    assert_eq!(
        transitions,
        [
            (None, "succeeded".into(), "opened".into()),
            (Some("succeeded".into()), "processing".into(), "anomalous".into())
        ]
    );
}
