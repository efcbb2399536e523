//! Events that were never delivered, or that Redis has lost.

use quittance::queue::Lane;
use serde_json::Value;
use stripe_simulator::{Fault, FaultKind, Kind};

use super::{GRACE, PATIENT, sweep, wait};
use crate::harness::{App, Options, private_redis};

async fn flush(app: &App) {
    let client = redis::Client::open(app.settings.redis.url.reveal()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("FLUSHALL").query_async::<String>(&mut redis).await.unwrap();
}

async fn sources(app: &App) -> Vec<Value> {
    let query = "SELECT source, count(*) FROM quittance.events GROUP BY source ORDER BY source";
    app.db.rows(query).await
}

#[tokio::test]
async fn a_tenth_of_all_webhooks_swallowed_is_found_and_each_fact_is_told_once() {
    let app = App::start().await;
    app.stripe().set_chaos(|chaos| chaos.swallowed = 0.1);
    for n in 0..60 {
        app.pays(if n % 3 == 0 { "pm_card_chargeDeclined" } else { "pm_card_visa" });
    }
    app.settled().await;
    let all = app.stripe().truth(Kind::Event).len();
    let held = usize::try_from(app.db.count("quittance.events").await).unwrap();
    let swallowed = all - held;
    assert!(swallowed > 5 && swallowed < all / 2, "{swallowed} of {all}");

    wait(&app, GRACE + 5);
    let did = sweep(&app).await;
    assert!(did.ends_with(&format!("{all} events listed, {swallowed} missed")), "{did}");
    app.drained().await;
    app.is_true().await;
    let missed = "SELECT reason, count(*) FROM quittance.missed_events GROUP BY reason";
    let missed = app.db.rows(missed).await;
    assert_eq!(missed, [serde_json::json!({"reason": "not_pending", "count": swallowed})]);
    let by_source = serde_json::json!([
        {"source": "sweep", "count": swallowed}, {"source": "webhook", "count": held}
    ]);
    assert_eq!(Value::from(sources(&app).await), by_source);
    // And nothing is found twice.
    let did = sweep(&app).await;
    assert!(did.ends_with(" 0 missed"), "{did}");
    app.stop().await;
}

#[tokio::test]
async fn a_redis_that_is_wiped_in_the_middle_loses_nothing_in_the_end() {
    let redis = Some(private_redis().await);
    let mut app = App::with(Options { redis, workers: 0, ..Options::default() }).await;
    for _ in 0..10 {
        app.pays("pm_card_visa");
    }
    app.stripe().wait_all_acknowledged().await.unwrap();
    flush(&app).await;
    for _ in 0..10 {
        app.pays("pm_card_visa");
    }
    app.add_worker().await;
    app.settled().await;
    let lost = app.stripe().truth(Kind::Event).len()
        - usize::try_from(app.db.count("quittance.events").await).unwrap();
    assert!(lost > 10, "{lost}");
    wait(&app, GRACE + 5);
    let did = sweep(&app).await;
    assert!(did.ends_with(&format!(" {lost} missed")), "{did}");
    app.drained().await;
    app.is_true().await;
    app.stop().await;
}

#[tokio::test]
async fn an_ordinary_delivery_wins_within_the_grace() {
    let app = App::start().await;
    app.stripe().set_auto_deliver(false);
    app.pays("pm_card_visa");
    let did = sweep(&app).await;
    assert_eq!(did, "1 accounts: 0 events listed, 0 missed");
    app.stripe().release();
    app.settled().await;
    app.is_true().await;
    app.stop().await;
}

#[tokio::test]
async fn an_event_that_is_delivered_and_swept_settles_once() {
    let app = App::start().await;
    app.stripe().set_auto_deliver(false);
    let payment = app.pays("pm_card_visa");
    wait(&app, GRACE + 5);
    let events = app.stripe().truth(Kind::Event).len();
    let did = sweep(&app).await;
    assert!(did.ends_with(&format!(" {events} missed")), "{did}");
    app.stripe().release();
    app.settled().await;
    app.is_true().await;
    assert_eq!(app.told(&payment).await, ["payment.succeeded"]);
    let settled = "SELECT count(*) FROM quittance.attempts WHERE outcome <> 'failed'";
    assert_eq!(usize::try_from(app.db.number(settled).await).unwrap(), events);
    let reasons = "SELECT DISTINCT reason FROM quittance.missed_events";
    assert_eq!(app.db.rows(reasons).await, [serde_json::json!({"reason": "pending"})]);
    app.stop().await;
}

#[tokio::test]
async fn what_waits_in_the_queue_is_not_missing_wherever_it_waits() {
    let env = &[PATIENT];
    let mut app = App::with(Options { workers: 0, env, ..Options::default() }).await;
    app.pays("pm_card_visa");
    app.stripe().wait_all_acknowledged().await.unwrap();
    wait(&app, GRACE + 5);
    let before = app.producer.depth().await.unwrap().total();
    assert!(before > 0);
    assert!(sweep(&app).await.ends_with(" 0 missed"));
    assert_eq!(app.producer.depth().await.unwrap().total(), before);

    // Delayed until a retry: for as long as reads fail.
    let fault = Fault::always("GET /v1/**", FaultKind::Answer(broken()));
    let fault = app.stripe().add_fault(Fault { endpoint: "GET /v1/charges/{id}".into(), ..fault });
    app.stripe()
        .add_fault(Fault::always("GET /v1/payment_intents/{id}", FaultKind::Answer(broken())));
    app.add_worker().await;
    crate::harness::eventually("some wait for a retry", async || {
        app.db.number("SELECT count(*) FROM quittance.attempts WHERE outcome = 'failed'").await > 0
    })
    .await;
    for _ in 0..20 {
        assert!(sweep(&app).await.ends_with(" 0 missed"));
    }
    assert!(app.producer.depth().await.unwrap().lane(Lane::Backfill).waiting == 0);
    app.stripe().remove_fault(fault);
    app.stripe().clear_faults();
    app.drained().await;
    app.is_true().await;
    app.stop().await;
}

/// Fails a read without looking like an outage.
fn broken() -> stripe_simulator::ScriptedAnswer {
    let error = serde_json::json!({"error": {"type": "api_error", "code": "lock_timeout"}});
    stripe_simulator::ScriptedAnswer::json(429, &error)
}

#[tokio::test]
async fn why_an_event_was_missed_is_known_from_the_endpoints() {
    let app = App::start().await;
    app.stripe().change_endpoint(app.endpoints[0], |endpoint| {
        endpoint.enabled_events = vec!["charge.succeeded".into()];
    });
    app.pays("pm_card_visa");
    app.stripe().change_endpoint(app.endpoints[0], |endpoint| {
        endpoint.enabled_events = vec!["payment_intent.created".into()];
        endpoint.enabled = false;
    });
    app.stripe().change_endpoint(app.endpoints[1], |endpoint| {
        endpoint.enabled_events = vec!["charge.succeeded".into()];
    });
    wait(&app, GRACE + 5);
    sweep(&app).await;
    app.settled().await;
    app.is_true().await;
    let rows = "SELECT type, reason FROM quittance.missed_events ORDER BY type";
    let rows: Vec<_> = app.db.rows(rows).await;
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row["type"].as_str().unwrap(), row["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        rows,
        [
            ("charge.updated", "not_enabled"),
            ("payment_intent.created", "disabled"),
            ("payment_intent.succeeded", "not_enabled"),
        ]
    );
    app.stop().await;
}
