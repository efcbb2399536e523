//! An outage costs time, not attempts.

use serde_json::json;
use tracing::level_filters::LevelFilter;

use crate::harness::{App, Logs, Options, eventually, private_postgres, private_redis};

/// Every event was settled at its first attempt.
async fn no_attempt_was_spent(app: &App) {
    assert_eq!(app.db.count("quittance.attempts WHERE number > 1 OR outcome = 'failed'").await, 0);
    assert_eq!(app.db.count("quittance.dead_letters").await, 0);
}

/// `since` is a time, and does not move while the outage lasts.
fn since(readiness: &serde_json::Value) -> String {
    let since = readiness["down"][0]["since"].as_str().unwrap().to_owned();
    assert!(since.starts_with("20") && since.ends_with('Z'), "{since}");
    since
}

#[tokio::test]
async fn a_wrong_key_pauses_the_work_loudly_and_costs_no_attempt() {
    let logs = Logs::capture(LevelFilter::INFO);
    let app = App::start().await;
    app.is_ready().await;
    app.stripe().set_chaos(|chaos| chaos.reject_keys = true);
    for _ in 0..3 {
        app.pays("pm_card_visa");
    }
    let down = app.waits_for("stripe").await;
    // Several probes in vain.
    let asked = app.requests();
    eventually("it probes", async || app.requests() >= asked + 5).await;
    assert_eq!(since(&app.readiness().await.1), since(&down), "the same outage");
    let paused = logs.saying("paused");
    assert_eq!(paused.len(), 1, "once, and not for each job or second: {paused:?}");
    assert_eq!(paused[0]["level"], "ERROR");
    assert_eq!(paused[0]["fields"]["dependency"], "stripe");
    assert!(app.producer.depth().await.unwrap().total() > 0, "the jobs wait");

    app.stripe().set_chaos(|chaos| chaos.reject_keys = false);
    app.settled().await;
    app.is_ready().await;
    app.is_true().await;
    no_attempt_was_spent(&app).await;
    assert_eq!((logs.saying("paused").len(), logs.saying("resumed").len()), (1, 1));
}

#[tokio::test]
async fn a_key_of_another_account_pauses_the_work_and_dead_letters_nothing() {
    let logs = Logs::capture(LevelFilter::INFO);
    let env = &[("QUITTANCE__WORKER__DOWN_AFTER", "3")];
    let mut app = App::with(Options { env, ..Options::default() }).await;
    app.is_ready().await;
    app.stripe().set_chaos(|chaos| chaos.other_account = true);
    for _ in 0..5 {
        app.pays("pm_card_visa");
    }
    app.waits_for("stripe").await;
    let cause = logs.saying("paused")[0]["fields"]["cause"].as_str().unwrap().to_owned();
    assert!(cause.contains("another account"), "{cause}");
    let asked = app.requests();
    eventually("it probes in vain", async || app.requests() >= asked + 5).await;

    assert_eq!(app.db.count("quittance.dead_letters").await, 0);
    assert!(app.producer.depth().await.unwrap().total() > 0, "the jobs wait for the right key");
    app.may_leave_work();
}

#[tokio::test]
async fn stripe_being_down_pauses_the_work() {
    // A connection that ends without an answer may be one object's trouble, so it takes several of
    // them in a row; here one.
    let env = &[("QUITTANCE__WORKER__DOWN_AFTER", "1")];
    let app = App::with(Options { env, ..Options::default() }).await;
    app.is_ready().await;
    app.stripe().set_chaos(|chaos| chaos.down = true);
    app.pays("pm_card_visa");
    since(&app.waits_for("stripe").await);
    app.stripe().set_chaos(|chaos| chaos.down = false);
    app.settled().await;
    app.is_ready().await;
    app.is_true().await;
    no_attempt_was_spent(&app).await;
}

#[tokio::test]
async fn postgres_being_down_pauses_the_work_and_no_webhook_is_refused() {
    let logs = Logs::capture(LevelFilter::INFO);
    let postgres = Some(private_postgres().await);
    let env = &[("QUITTANCE__DATABASE__ACQUIRE_TIMEOUT", "1s")];
    let mut app = App::with(Options { postgres, env, ..Options::default() }).await;
    app.pays("pm_card_visa");
    app.settled().await;
    app.postgres.as_mut().unwrap().stop().await.unwrap();
    app.pays("pm_card_visa");
    app.stripe().wait_all_acknowledged().await.unwrap();
    since(&app.waits_for("postgres").await);
    assert_eq!(logs.saying("paused").len(), 1);
    app.postgres.as_mut().unwrap().restart().await.unwrap();
    app.settled().await;
    app.is_ready().await;
    app.is_true().await;
    no_attempt_was_spent(&app).await;
    assert_eq!((logs.saying("paused").len(), logs.saying("resumed").len()), (1, 1));
    app.stop().await;
}

#[tokio::test]
async fn postgres_crashing_in_mid_load_loses_nothing_and_repeats_nothing() {
    let postgres = Some(private_postgres().await);
    let mut app = App::with(Options { postgres, workers: 2, ..Options::default() }).await;
    let payments: Vec<_> = (0..60).map(|_| app.pays("pm_card_visa")).collect();
    eventually("it is in mid-load", async || app.db.count("quittance.events").await > 10).await;
    app.postgres.as_mut().unwrap().crash_restart().await.unwrap();
    app.settled().await;
    app.is_true().await;
    no_attempt_was_spent(&app).await;
    for payment in payments {
        assert_eq!(app.told(&payment).await, ["payment.succeeded"]);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_postgres_that_no_longer_answers_pauses_the_work_though_its_connections_stay_open() {
    let env = &[
        ("QUITTANCE__DATABASE__STATEMENT_TIMEOUT", "1s"),
        ("QUITTANCE__DATABASE__ACQUIRE_TIMEOUT", "1s"),
        ("QUITTANCE__WORKER__DOWN_AFTER", "1"),
    ];
    let app = App::with(Options { proxied: true, env, ..Options::default() }).await;
    app.pays("pm_card_visa");
    app.settled().await;
    app.proxy.as_ref().unwrap().fall_silent();
    app.pays("pm_card_visa");
    app.stripe().wait_all_acknowledged().await.unwrap();
    since(&app.waits_for("postgres").await);
    app.proxy.as_ref().unwrap().speak();
    app.settled().await;
    app.is_ready().await;
    app.is_true().await;
    no_attempt_was_spent(&app).await;
    app.stop().await;
}

#[tokio::test]
async fn a_paused_redis_makes_the_worker_wait_and_the_ingress_refuse() {
    let redis = Some(private_redis().await);
    let env = &[("QUITTANCE__INGRESS__ENQUEUE_TIMEOUT", "100ms")];
    let mut app = App::with(Options { redis, env, ..Options::default() }).await;
    app.pays("pm_card_visa");
    app.settled().await;
    app.redis.as_mut().unwrap().pause().unwrap();
    app.pays("pm_card_visa");
    since(&app.waits_for("redis").await);
    eventually("a webhook was refused", async || app.stripe().stats().webhooks.failed > 0).await;
    app.redis.as_mut().unwrap().resume().unwrap();
    app.settled().await;
    app.is_ready().await;
    app.is_true().await;
    no_attempt_was_spent(&app).await;
    app.stop().await;
}

#[tokio::test]
async fn a_redis_that_is_killed_in_mid_load_loses_nothing_that_was_answered_200() {
    let redis = Some(private_redis().await);
    let mut app = App::with(Options { redis, workers: 2, ..Options::default() }).await;
    for _ in 0..40 {
        app.pays("pm_card_visa");
    }
    eventually("it is in mid-load", async || app.db.count("quittance.events").await > 10).await;
    app.redis.as_mut().unwrap().kill().await.unwrap();
    let late = app.pays("pm_card_visa");
    eventually("a webhook was refused", async || app.stripe().stats().webhooks.failed > 0).await;
    app.redis.as_mut().unwrap().restart().await.unwrap();
    app.settled().await;
    app.is_true().await;
    assert_eq!(app.payment(&late).await["status"], json!("succeeded"));
    no_attempt_was_spent(&app).await;
    app.stop().await;
}
