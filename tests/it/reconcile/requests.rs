//! Requests to Stripe: which are made, and which are not.

use std::time::Duration;

use serde_json::json;
use stripe_simulator::Confirm;

use crate::harness::app::payment_of;
use crate::harness::{App, Options, eventually};

const PAYMENTS: Option<&str> = Some("GET /v1/payment_intents/{id}");

fn held_back(workers: usize) -> Options {
    let mut options = Options { workers, ..Options::default() };
    options.simulator.auto_deliver = false;
    options
}

/// A payment that is declined so often in one second; the events of it.
fn declined(app: &App, times: usize) -> (String, Vec<String>) {
    app.stripe().clock().freeze();
    let payment = app.makes(payment_of(2000));
    for _ in 0..times {
        let card = Some("pm_card_chargeDeclined".to_owned());
        let how = Confirm { payment_method: card, ..Confirm::default() };
        assert!(app.stripe().platform().confirm_payment(&payment, how).is_err());
    }
    (payment, app.events("payment_intent."))
}

fn asked(app: &App) -> u64 {
    app.stripe().stats().requests_to(PAYMENTS)
}

#[tokio::test]
async fn an_event_that_the_row_is_newer_than_settles_without_a_request() {
    let app = App::with(held_back(1)).await;
    let (payment, events) = declined(&app, 3);
    // The Date of an answer lies a round trip behind at most, and the margin is two seconds.
    app.stripe().clock().advance(60);
    app.deliver(&events[3]).await;
    app.drained().await;
    assert_eq!(asked(&app), 1);
    for event in &events {
        app.deliver(event).await;
    }
    app.drained().await;
    assert_eq!(asked(&app), 1, "the others were covered");
    for event in &events[..3] {
        assert_eq!(app.event(event).await["outcome"], "covered");
    }
    assert_eq!(app.payment(&payment).await["version"], 1);
    assert_eq!(app.told(&payment).await.len(), 3, "yet each failed attempt is told");
}

#[tokio::test]
async fn events_of_one_second_are_never_taken_for_covered() {
    let app = App::with(held_back(1)).await;
    let (payment, events) = declined(&app, 9);
    each_is_fetched(&app, &events).await;
    // The last thing to happen in that same second, after the row was read in it.
    let how = Confirm { payment_method: Some("pm_card_visa".into()), ..Confirm::default() };
    app.stripe().platform().confirm_payment(&payment, how).unwrap();
    for event in app.events("payment_intent.succeeded") {
        app.deliver(&event).await;
    }
    app.drained().await;
    assert_eq!(app.payment(&payment).await["status"], "succeeded");
}

/// Stripe's machines do not share one clock: what happened after the look may be stamped before it.
#[tokio::test]
async fn an_event_whose_clock_lags_within_the_margin_is_never_taken_for_covered() {
    let app = App::with(held_back(1)).await;
    app.stripe().set_chaos(|chaos| chaos.event_lag_seconds = 2);
    let (_, events) = declined(&app, 9);
    each_is_fetched(&app, &events).await;
}

async fn each_is_fetched(app: &App, events: &[String]) {
    assert_eq!(events.len(), 10);
    // In another version of the API, so that nothing but `created` is left to go by.
    app.stripe().set_chaos(|chaos| chaos.old_snapshots = 1.0);
    for (number, event) in events.iter().enumerate() {
        app.deliver(event).await;
        app.drained().await;
        assert_eq!(asked(app), number as u64 + 1, "`created` cannot order them");
    }
}

#[tokio::test]
async fn events_of_one_object_that_are_in_hand_together_share_a_request() {
    let mut app = App::with(held_back(0)).await;
    let (payment, events) = declined(&app, 11);
    for event in &events {
        app.deliver(event).await;
    }
    app.stripe().set_chaos(|chaos| {
        chaos.slow = 1.0;
        chaos.slow_by = Duration::from_millis(500);
    });
    app.add_worker().await;
    app.drained().await;
    assert!(asked(&app) <= 2, "one for who came first, one for all others: {}", asked(&app));
    assert_eq!(app.db.count("quittance.events").await, 12);
    assert_eq!(app.told(&payment).await.len(), 11);
    app.stop().await;
}

/// The same of a charge and its payment, whichever of their events comes first.
#[tokio::test]
async fn a_payment_and_its_charge_that_are_in_hand_together_share_a_request() {
    for charge_first in [true, false] {
        let mut app = App::with(held_back(0)).await;
        let payment = app.pays("pm_card_visa");
        // Of which each must be asked for, and neither can be read from its event.
        app.stripe().set_chaos(|chaos| chaos.old_snapshots = 1.0);
        let mut events = app.events("charge.succeeded");
        events.extend(app.events("payment_intent.succeeded"));
        if !charge_first {
            events.reverse();
        }
        for event in &events {
            app.deliver(event).await;
        }
        app.add_worker().await;
        app.drained().await;
        assert_eq!(app.requests(), 1, "{events:?}");
        assert_eq!(app.payment(&payment).await["status"], "succeeded");
        assert_eq!(app.told(&payment).await, ["payment.succeeded"]);
        let charges = app.db.rows("SELECT status, payment_intent FROM app.charges").await;
        assert_eq!(charges, [json!({"status": "succeeded", "payment_intent": payment})]);
        for event in &events {
            assert_eq!(app.event(event).await["outcome"], "applied");
        }
        let raw = app.db.json("quittance.objects", "kind = 'payment_intent'").await;
        assert!(raw["data"]["latest_charge"].is_string(), "as Stripe shows a payment: {raw}");
        app.stop().await;
    }
}

/// A charge that asked by itself then would wait as long again, and longer than an attempt may take.
#[tokio::test]
async fn a_charge_fails_with_its_payment_where_stripe_does_not_answer() {
    let env = &[("QUITTANCE__RETRY__MAX_ATTEMPTS", "1"), ("QUITTANCE__WORKER__DOWN_AFTER", "9")];
    let mut app = App::with(Options { env, ..held_back(0) }).await;
    app.pays("pm_card_visa");
    for event in [app.events("charge.succeeded"), app.events("payment_intent.succeeded")].concat() {
        app.deliver(&event).await;
    }
    app.stripe().set_chaos(|chaos| chaos.down = true);
    app.add_worker().await;
    app.drained().await;
    assert_eq!(app.requests(), 1);
    let codes =
        app.db.rows("SELECT code, count(*) AS letters FROM quittance.dead_letters GROUP BY 1");
    assert_eq!(codes.await, [json!({"code": "stripe_connection_lost", "letters": 2})]);
    app.stop().await;
}

#[tokio::test]
async fn ordinary_lives_in_bursts_take_less_than_half_a_request_an_event() {
    let mut app = App::without_workers().await;
    app.stripe().clock().freeze();
    let account = app.stripe().platform();
    let mut rng: rand::rngs::StdRng = rand::SeedableRng::seed_from_u64(3);
    let mut events = 0;
    while events < 400 {
        stripe_simulator::run_payment(&account, &mut rng, Duration::ZERO).await.unwrap();
        events = app.events("").len();
    }
    let _ = app.stripe().wait_all_acknowledged().await;
    eventually("all are queued", async || {
        app.producer.depth().await.unwrap().live.waiting == events as u64
    })
    .await;
    app.stripe().clock().run();
    app.stripe().clock().advance(5);
    app.add_worker().await;
    app.settled().await;
    app.is_true().await;
    assert!(2 * app.requests() < events as u64, "{} for {events} events", app.requests());
}
