//! Snapshots of events: believed where they are as good as asking, and nowhere else.

use quittance::domain::object::Kind;
use quittance::reconcile::{EventTask, Reconciler, Settled};
use quittance::store::Outcome;
use quittance::stripe_api::api_version;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use stripe_simulator::PaymentScenario;

use super::environment::{TestEnvironment, event, payment, settle};
use crate::harness::{App, Options, request};

/// An event of a payment in our version, made so many seconds from now, that shows it like this.
fn showing(id: &str, seconds: i64, status: &str) -> Value {
    let mut event = event(id, "pi_1");
    event["api_version"] = json!(api_version());
    event["created"] = json!(event["created"].as_i64().unwrap() + seconds);
    event["data"]["object"] = payment("pi_1", status);
    event
}

/// A payment that was just looked at.
async fn seen(env: &mut TestEnvironment, reconciler: &Reconciler, status: &str) {
    let settling = settle(reconciler, &event("evt_first", "pi_1"));
    env.asked().await.answer(&payment("pi_1", status));
    settling.await.unwrap().unwrap();
}

async fn row(env: &TestEnvironment) -> Value {
    env.db.json("app.payments", "stripe_payment_intent_id = 'pi_1'").await
}

/// Settles an event for which nobody has to be asked.
async fn unasked(env: &mut TestEnvironment, reconciler: &Reconciler, event: &Value) -> Outcome {
    let settled = settle(reconciler, event).await.unwrap().unwrap();
    assert!(env.is_silent(), "nobody was asked");
    let Settled::Now { outcome, fetched: false, request_id: None } = settled else {
        panic!("{settled:?}")
    };
    outcome
}

/// Settles an event for which Stripe has to be asked, and which then says this.
async fn asked(
    env: &mut TestEnvironment,
    reconciler: &Reconciler,
    event: &Value,
    status: &str,
) -> Outcome {
    let settling = settle(reconciler, event);
    env.asked().await.answer(&payment("pi_1", status));
    let settled = settling.await.unwrap().unwrap();
    let Settled::Now { outcome, fetched: true, .. } = settled else { panic!("{settled:?}") };
    outcome
}

#[tokio::test]
async fn an_event_that_says_what_the_row_says_settles_without_a_request() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.reconciler();
    seen(&mut env, &reconciler, "processing").await;
    let same = showing("evt_same", 0, "processing");
    assert_eq!(unasked(&mut env, &reconciler, &same).await, Outcome::Unchanged);
    assert_eq!(row(&env).await["version"], 2);
    let another = showing("evt_another", 0, "succeeded");
    asked(&mut env, &reconciler, &another, "succeeded").await;
    assert_eq!(row(&env).await["status"], "succeeded");
}

/// A state can come back, just as it was: then an answer from in between must not overwrite it.
#[tokio::test]
async fn a_look_that_began_before_such_an_event_does_not_overwrite_what_it_confirmed() {
    let mut env = TestEnvironment::set().await;
    let (one, two) = (env.reconciler(), env.reconciler());
    seen(&mut env, &one, "requires_payment_method").await;
    let slow = settle(&two, &event("evt_slow", "pi_1"));
    let stale = env.asked().await;
    let back_again = showing("evt_back", 0, "requires_payment_method");
    assert_eq!(unasked(&mut env, &one, &back_again).await, Outcome::Unchanged);
    stale.answer(&payment("pi_1", "requires_action"));
    env.asked().await.answer(&payment("pi_1", "requires_payment_method"));
    slow.await.unwrap().unwrap();
    assert_eq!(row(&env).await["status"], "requires_payment_method");
}

#[tokio::test]
async fn an_event_in_another_version_of_the_api_only_points_at_its_object() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.believing("payment_intent");
    for (id, version) in [("evt_1", "2020-08-27"), ("evt_2", "")] {
        let mut other = showing(id, 60, "processing");
        other["api_version"] = json!(version);
        asked(&mut env, &reconciler, &other, "processing").await;
    }
}

#[tokio::test]
async fn an_event_that_is_newer_than_the_last_look_is_believed_where_the_settings_want_that() {
    let mut env = TestEnvironment::set().await;
    let (asking, believing) = (env.reconciler(), env.believing("charge,payment_intent"));
    let first = showing("evt_1", 0, "processing");
    assert_eq!(unasked(&mut env, &believing, &first).await, Outcome::Applied);
    let later = showing("evt_2", 60, "succeeded");
    assert_eq!(unasked(&mut env, &believing, &later).await, Outcome::Applied);
    assert_eq!(row(&env).await["amount_received"], 1099);
    let told = env
        .db
        .rows("SELECT topic, cause FROM quittance.outbox WHERE topic LIKE '%succeeded'")
        .await;
    assert_eq!(told, [json!({"topic": "payment.succeeded", "cause": "evt_2"})]);
    let kept = env.db.json("quittance.objects", "id = 'pi_1'").await;
    assert_eq!(kept["data"]["status"], "succeeded");
    assert!(!kept.to_string().contains("hush"), "{kept}");

    asked(&mut env, &asking, &showing("evt_3", 120, "succeeded"), "succeeded").await;
}

#[tokio::test]
async fn an_event_that_a_person_has_retried_is_not_believed_however_new_it_seems() {
    let mut env = TestEnvironment::set().await;
    let believing = env.believing("payment_intent");
    let retried = EventTask { resent: true, ..request(&showing("evt_1", 0, "requires_action")) };
    let settling = tokio::spawn(async move { believing.settle(retried).await });
    env.asked().await.answer(&payment("pi_1", "canceled"));
    settling.await.unwrap().unwrap();
    assert_eq!(row(&env).await["status"], "canceled");
}

#[tokio::test]
async fn an_event_that_was_made_while_the_last_look_was_under_way_is_not_believed() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.believing("payment_intent");
    seen(&mut env, &reconciler, "succeeded").await;
    let old = showing("evt_old", 1, "processing");
    asked(&mut env, &reconciler, &old, "succeeded").await;
    assert_eq!(row(&env).await["status"], "succeeded");
    // Nor is one that comes after another of its second.
    let (one, two) = (showing("evt_1", 60, "succeeded"), showing("evt_2", 60, "processing"));
    unasked(&mut env, &reconciler, &one).await;
    asked(&mut env, &reconciler, &two, "succeeded").await;
    assert_eq!(row(&env).await["status"], "succeeded");
}

#[tokio::test]
async fn an_event_of_an_object_that_lives_by_a_test_clock_is_neither_covered_nor_believed() {
    let mut env = TestEnvironment::set().await;
    let believing = env.believing("payment_intent");
    seen(&mut env, &believing, "processing").await;
    // Made now, by a clock that stands a year ago; or in a year.
    for (id, seconds) in [("evt_past", -31_536_000), ("evt_future", 31_536_000)] {
        let mut event = showing(id, seconds, "processing");
        event["data"]["object"]["test_clock"] = json!("clock_1");
        asked(&mut env, &believing, &event, "succeeded").await;
        assert_eq!(row(&env).await["status"], "succeeded", "{id}");
    }
}

#[tokio::test]
async fn a_move_that_our_state_machine_thinks_impossible_is_looked_at_first() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.believing("payment_intent");
    seen(&mut env, &reconciler, "succeeded").await;
    let impossible = showing("evt_1", 60, "processing");
    asked(&mut env, &reconciler, &impossible, "succeeded").await;
    assert_eq!(row(&env).await["status"], "succeeded");
    assert_eq!(env.db.count("app.transitions WHERE kind = 'anomalous'").await, 0);
}

#[tokio::test]
async fn what_an_event_says_of_another_object_is_not_taken_for_its_own() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.believing("payment_intent");
    let mut mixed = showing("evt_1", 0, "succeeded");
    mixed["data"]["object"]["livemode"] = json!(true);
    asked(&mut env, &reconciler, &mixed, "processing").await;
    assert_eq!(row(&env).await["status"], "processing");
}

#[test]
fn the_kinds_that_the_settings_can_name_are_those_whose_events_show_all_of_them() {
    use quittance::config::reconcile::SNAPSHOTS;
    let fetched_with_more = ["account", "invoice"];
    let all = Kind::ALL.iter().map(|kind| kind.as_str());
    let mut whole: Vec<_> = all.filter(|kind| !fetched_with_more.contains(kind)).collect();
    whole.sort_unstable();
    assert_eq!(SNAPSHOTS, whole);
    let wrong = [("QUITTANCE__RECONCILE__SNAPSHOTS".to_owned(), "charge,invoice".to_owned())];
    let refused = quittance::config::load(None, wrong.into_iter()).unwrap_err().to_string();
    assert!(
        refused.contains("reconcile.snapshots") && refused.contains("\"invoice\""),
        "{refused}"
    );
}

#[tokio::test]
async fn all_kinds_of_lives_in_rough_weather_come_out_right_also_when_events_are_believed() {
    let env = &[(
        "QUITTANCE__RECONCILE__SNAPSHOTS",
        "charge,customer,dispute,payment_intent,payout,refund",
    )];
    let app = App::with(Options { workers: 2, env, ..Options::default() }).await;
    app.stripe().set_chaos(|chaos| {
        chaos.duplicates = 0.3;
        chaos.reorder_within = std::time::Duration::from_millis(200);
        chaos.old_snapshots = 0.1;
        chaos.server_errors = 0.05;
        chaos.slow = 0.1;
        chaos.slow_by = std::time::Duration::from_millis(50);
        chaos.event_lag_seconds = 1;
    });
    let account = app.stripe().platform();
    let mut rng = StdRng::seed_from_u64(5);
    for story in PaymentScenario::ALL.iter().cycle().take(78) {
        let pause = std::time::Duration::from_millis(50);
        stripe_simulator::run_payment_scenario(&account, *story, &mut rng, pause).await.unwrap();
    }
    app.settled().await;
    app.is_true().await;
    let twice = "SELECT object_id FROM quittance.outbox WHERE topic = 'payment.succeeded'
                 GROUP BY object_id HAVING count(*) > 1";
    assert_eq!(app.db.rows(twice).await, [] as [Value; 0]);
}
