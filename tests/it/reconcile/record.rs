//! Recording of answers to commands, like those to reads.

use quittance::domain::id::{Mode, ObjectId, Scope};
use quittance::domain::object::{Kind, Observed, Subject};
use quittance::reconcile::{Before, Settled};
use quittance::redaction::Rules;
use quittance::store::Outcome;
use quittance::stripe_api::{Fetched, FetchedState};
use serde_json::json;

use super::environment::{TestEnvironment, event, payment, settle};

fn subject() -> Subject {
    Subject {
        scope: Scope { account: None, mode: Mode::Test },
        kind: Kind::PaymentIntent,
        id: ObjectId::parse("pi_1").unwrap(),
        owner: None,
    }
}

/// An answer to a request that was sent just now, or so many seconds ago.
fn answer(status: &str, ago: i64) -> Fetched {
    let now = time::OffsetDateTime::now_utc().unix_timestamp() - ago;
    let raw = Rules::default().redact(payment("pi_1", status));
    let observed = Observed::read(Kind::PaymentIntent, &*raw).unwrap();
    Fetched {
        observed_at: now - 1,
        seen_by: now + 1,
        request_id: Some("req_command".into()),
        state: FetchedState::Present { observed, raw },
    }
}

fn outcome_of(settled: &Settled) -> Outcome {
    match settled {
        Settled::Now { outcome, .. } => *outcome,
        Settled::Before => panic!("no event was settled"),
    }
}

#[tokio::test]
async fn an_answer_to_a_command_is_written_with_its_transition_and_notification() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.reconciler();
    let created = Before::created(subject());
    let settled = reconciler.record(created, answer("processing", 0), None).await.unwrap();
    assert_eq!(outcome_of(&settled), Outcome::Applied);

    let before = reconciler.before(subject()).await.unwrap();
    let settled = reconciler.record(before, answer("succeeded", 0), None).await.unwrap();
    assert_eq!(outcome_of(&settled), Outcome::Applied);
    let row = env.db.json("app.payments", "stripe_payment_intent_id = 'pi_1'").await;
    assert_eq!((&row["status"], &row["version"]), (&json!("succeeded"), &json!(2)));
    let steps = env.db.rows("SELECT to_status FROM app.transitions ORDER BY to_status").await;
    assert_eq!(steps, [json!({"to_status": "processing"}), json!({"to_status": "succeeded"})]);
    assert!(env.db.count("quittance.outbox").await > 0);
    assert!(env.is_silent(), "Stripe has answered already");
}

#[tokio::test]
async fn an_answer_that_another_write_has_overtaken_is_fetched_again() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.reconciler();
    let before = reconciler.before(subject()).await.unwrap();
    let overtakes = settle(&env.reconciler(), &event("evt_1", "pi_1"));
    env.asked().await.answer(&payment("pi_1", "succeeded"));
    overtakes.await.unwrap().unwrap();

    let recording = tokio::spawn({
        let reconciler = reconciler.clone();
        async move { reconciler.record(before, answer("processing", 0), None).await }
    });
    env.asked().await.answer(&payment("pi_1", "succeeded"));
    let settled = recording.await.unwrap().unwrap();
    assert_eq!(outcome_of(&settled), Outcome::Unchanged);
    let row = env.db.json("app.payments", "stripe_payment_intent_id = 'pi_1'").await;
    assert_eq!(row["status"], "succeeded");
    let steps = env.db.rows("SELECT to_status FROM app.transitions").await;
    assert_eq!(steps, [json!({"to_status": "succeeded"})], "the older answer left no trace");
}

#[tokio::test]
async fn an_answer_that_the_row_is_newer_than_costs_no_request() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.reconciler();
    let before = reconciler.before(subject()).await.unwrap();
    let overtakes = settle(&env.reconciler(), &event("evt_1", "pi_1"));
    env.asked().await.answer(&payment("pi_1", "succeeded"));
    overtakes.await.unwrap().unwrap();

    let settled = reconciler.record(before, answer("processing", 60), None).await.unwrap();
    assert_eq!(outcome_of(&settled), Outcome::Covered);
    assert!(env.is_silent());
}

/// Settles an event about the payment with this answer: another writer than the one under test.
async fn seen_by_another(env: &mut TestEnvironment, event_id: &str, status: &str) {
    let settling = settle(&env.reconciler(), &event(event_id, "pi_1"));
    env.asked().await.answer(&payment("pi_1", status));
    settling.await.unwrap().unwrap();
}

/// The payment went through these states alone, and was told to have succeeded once.
async fn went_through(env: &TestEnvironment, states: &[&str]) {
    let steps = env.db.rows("SELECT to_status FROM app.transitions ORDER BY version").await;
    let expected: Vec<_> = states.iter().map(|state| json!({"to_status": state})).collect();
    assert_eq!(steps, expected);
    let row = env.db.json("app.payments", "stripe_payment_intent_id = 'pi_1'").await;
    assert_eq!(Some(&row["status"]), states.last().map(|state| json!(state)).as_ref());
    assert_eq!(env.db.count("quittance.outbox WHERE topic = 'payment.succeeded'").await, 1);
}

#[tokio::test]
async fn a_refresh_whose_answer_is_older_than_a_fresh_row_is_asked_for_again() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    seen_by_another(&mut env, "evt_1", "succeeded").await;
    let refreshing = tokio::spawn({
        let reconciler = reconciler.clone();
        async move { reconciler.refresh(subject()).await }
    });
    env.asked().await.answer(&payment("pi_1", "processing"));
    env.asked().await.answer(&payment("pi_1", "succeeded"));
    let settled = refreshing.await.unwrap().unwrap();
    assert_eq!(outcome_of(&settled), Outcome::Unchanged);
    went_through(&env, &["succeeded"]).await;
}

#[tokio::test]
async fn an_overtaken_answer_is_not_replaced_by_a_read_that_is_older_than_the_row() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    let before = reconciler.before(subject()).await.unwrap();
    seen_by_another(&mut env, "evt_1", "succeeded").await;
    let recording = tokio::spawn({
        let reconciler = reconciler.clone();
        async move { reconciler.record(before, answer("processing", 0), None).await }
    });
    env.asked().await.answer(&payment("pi_1", "processing"));
    env.asked().await.answer(&payment("pi_1", "succeeded"));
    recording.await.unwrap().unwrap();
    went_through(&env, &["succeeded"]).await;
}

#[tokio::test]
async fn an_overtaken_answer_is_in_the_row_before_its_command_ends_though_reads_lag_behind_it() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    let before = reconciler.before(subject()).await.unwrap();
    seen_by_another(&mut env, "evt_1", "processing").await;
    let recording = tokio::spawn({
        let reconciler = reconciler.clone();
        async move { reconciler.record(before, answer("succeeded", 0), None).await }
    });
    // It says the same as the row, and less than the command's own answer.
    env.asked().await.answer(&payment("pi_1", "processing"));
    env.asked().await.answer(&payment("pi_1", "succeeded"));
    let settled = recording.await.unwrap().unwrap();
    assert_eq!(outcome_of(&settled), Outcome::Applied);
    went_through(&env, &["processing", "succeeded"]).await;
}

#[tokio::test]
async fn what_is_seen_in_the_place_of_an_answer_is_never_older_than_the_row() {
    let mut env = TestEnvironment::set().await;
    let reconciler = env.with(&[]);
    seen_by_another(&mut env, "evt_1", "succeeded").await;
    let seeing = tokio::spawn({
        let reconciler = reconciler.clone();
        async move { reconciler.see_made(&subject()).await }
    });
    env.asked().await.answer(&payment("pi_1", "processing"));
    env.asked().await.answer(&payment("pi_1", "succeeded"));
    let (before, seen) = seeing.await.unwrap().unwrap();
    reconciler.record(before, seen, None).await.unwrap();
    went_through(&env, &["succeeded"]).await;
}
