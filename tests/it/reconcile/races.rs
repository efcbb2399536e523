//! Never backwards: who looked first does not write last.

use std::time::Duration;

use quittance::reconcile::Settled;
use quittance::store::Outcome;
use serde_json::json;
use stripe_simulator::Confirm;

use super::environment::{TestEnvironment, event, payment, settle};
use crate::harness::app::payment_of;
use crate::harness::{App, Options};

async fn status(env: &TestEnvironment) -> serde_json::Value {
    env.db.json("app.payments", "stripe_payment_intent_id = 'pi_1'").await["status"].clone()
}

#[tokio::test]
async fn an_answer_that_is_stale_when_it_arrives_is_asked_for_again() {
    let mut env = TestEnvironment::set().await;
    let (one, two) = (env.reconciler(), env.reconciler());
    let first = settle(&one, &event("evt_1", "pi_1"));
    let stale = env.asked().await;
    assert_eq!(stale.path, "/v1/payment_intents/pi_1");
    // Meanwhile another process sees a newer state, and writes it.
    let second = settle(&two, &event("evt_2", "pi_1"));
    env.asked().await.answer(&payment("pi_1", "succeeded"));
    second.await.unwrap().unwrap();
    assert_eq!(status(&env).await, "succeeded");

    stale.answer(&payment("pi_1", "processing"));
    env.asked().await.answer(&payment("pi_1", "succeeded"));
    let settled = first.await.unwrap().unwrap();
    assert!(matches!(settled, Settled::Now { outcome: Outcome::Unchanged, .. }), "{settled:?}");
    assert_eq!(status(&env).await, "succeeded");
    let steps = env.db.rows("SELECT to_status FROM app.transitions").await;
    assert_eq!(steps, [json!({"to_status": "succeeded"})], "the stale state left no trace");
    assert_eq!(env.db.count("quittance.outbox").await, 1);
}

#[tokio::test]
async fn who_is_overtaken_again_and_again_gives_up_for_now_and_has_written_nothing() {
    let mut env = TestEnvironment::set().await;
    let (slow, fast) = (env.reconciler(), env.reconciler());
    let loser = settle(&slow, &event("evt_loser", "pi_1"));
    for round in 0..5 {
        let stale = env.asked().await;
        let winner = settle(&fast, &event(&format!("evt_{round}"), "pi_1"));
        env.asked().await.answer(&payment("pi_1", "processing"));
        winner.await.unwrap().unwrap();
        stale.answer(&payment("pi_1", "succeeded"));
    }
    let fault = loser.await.unwrap().unwrap_err();
    assert_eq!(fault.failure.code, "row_contested");
    assert_eq!(status(&env).await, "processing");
    assert!(env.is_silent());
    let ledger = env.db.rows("SELECT id FROM quittance.events WHERE id = 'evt_loser'").await;
    assert_eq!(ledger, [] as [serde_json::Value; 0]);
}

#[tokio::test]
async fn who_asks_during_a_flight_is_not_answered_by_it() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.reconciler();
    let first = settle(&reconciler, &event("evt_1", "pi_1"));
    let under_way = env.asked().await;
    let later = [
        settle(&reconciler, &event("evt_2", "pi_1")),
        settle(&reconciler, &event("evt_3", "pi_1")),
    ];
    tokio::task::yield_now().await;
    under_way.answer(&payment("pi_1", "processing"));
    first.await.unwrap().unwrap();
    // What evt_2 and evt_3 tell of may have happened after the first look.
    env.asked().await.answer(&payment("pi_1", "succeeded"));
    for task in later {
        task.await.unwrap().unwrap();
    }
    assert!(env.is_silent(), "the two shared a flight");
    assert_eq!(status(&env).await, "succeeded");
}

#[tokio::test]
async fn a_state_that_ours_thinks_impossible_is_applied_and_kept_as_an_anomaly() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.reconciler();
    for (id, status) in [("evt_1", "succeeded"), ("evt_2", "requires_action")] {
        let settling = settle(&reconciler, &event(id, "pi_1"));
        env.asked().await.answer(&payment("pi_1", status));
        settling.await.unwrap().unwrap();
    }
    assert_eq!(status(&env).await, "requires_action", "Stripe owns the state");
    let steps = env
        .db
        .rows("SELECT from_status, to_status, kind, because_of FROM app.transitions ORDER BY id")
        .await;
    assert_eq!(
        steps[1],
        json!({"from_status": "succeeded", "to_status": "requires_action", "kind": "anomalous",
               "because_of": "evt_2"})
    );
}

#[tokio::test]
async fn a_deleted_object_is_not_resurrected_by_a_late_event() {
    let app = App::start().await;
    let payment = app.pays("pm_card_visa");
    app.settled().await;
    let told = app.told(&payment).await;
    let account = app.stripe().platform();
    app.stripe().set_auto_deliver(false);
    let object = json!({"id": payment, "object": "payment_intent", "status": "processing"});
    let [deleted, late] = [
        account.emit("payment_intent.deleted", object.clone()),
        account.emit("payment_intent.processing", object),
    ];
    assert!(account.delete(&payment));
    app.deliver(&deleted).await;
    app.drained().await;
    let row = app.payment(&payment).await;
    assert_eq!((&row["deleted"], &row["status"]), (&json!(true), &json!("succeeded")));
    let requests = app.requests();
    app.stripe().clock().advance(60);
    app.deliver(&late).await;
    app.drained().await;
    assert_eq!(app.event(&late).await["outcome"], "gone");
    assert_eq!(app.payment(&payment).await, row, "a tombstone is final");
    assert_eq!(app.requests(), requests, "and nobody is asked");
    assert_eq!(app.told(&payment).await, told);
}

#[tokio::test]
async fn two_workers_ten_events_at_once_and_late_answers_end_in_the_truth() {
    let app = App::with(Options { workers: 2, ..Options::default() }).await;
    app.stripe().set_chaos(|chaos| {
        chaos.slow = 0.5;
        chaos.slow_by = Duration::from_millis(60);
        chaos.duplicates = 0.5;
        chaos.reorder_within = Duration::from_millis(100);
    });
    let account = app.stripe().platform();
    let payments: Vec<_> = (0..5).map(|_| app.makes(payment_of(900))).collect();
    for _ in 0..8 {
        for payment in &payments {
            let card = Some("pm_card_chargeDeclined".to_owned());
            let how = Confirm { payment_method: card, ..Confirm::default() };
            assert!(account.confirm_payment(payment, how).is_err());
        }
        tokio::task::yield_now().await;
    }
    for payment in &payments {
        let how = Confirm { payment_method: Some("pm_card_visa".into()), ..Confirm::default() };
        account.confirm_payment(payment, how).unwrap();
    }
    app.settled().await;
    app.is_true().await;
    for payment in &payments {
        let told = app.told(payment).await;
        assert_eq!(told.iter().filter(|topic| *topic == "payment.succeeded").count(), 1);
        assert_eq!(told.iter().filter(|topic| *topic == "payment.attempt_failed").count(), 8);
    }
}
