//! History is not news; what happens while a backfill reads is.

use quittance::store::operation::OperationState;
use serde_json::{Value, json};
use stripe_simulator::Kind;

use super::{AT_ONCE, backfilled, begin, quiet, request, run, until_now};
use crate::harness::App;

/// The ids of a payment's events, oldest first.
fn events_of(app: &App, id: &str) -> Vec<String> {
    let events = app.stripe().truth(Kind::Event);
    let of = |event: &&Value| event["data"]["object"]["id"] == id;
    super::ids(&events.iter().filter(of).cloned().collect::<Vec<_>>())
}

async fn settle(app: &App, events: &[String]) {
    for event in events {
        app.deliver(event).await;
    }
    app.drained().await;
}

#[tokio::test]
async fn an_event_that_arrives_after_the_page_that_shows_its_effect_publishes_it_once() {
    let app = quiet(1, AT_ONCE).await;
    until_now(&app);
    let payment = app.pays("pm_card_visa");
    // Some time passes: the row will cover the events, or not.
    for wait in [0, 60] {
        app.stripe().clock().advance(wait);
        backfilled(&app, &["payment_intent", "charge"], "own").await;
    }
    assert_eq!(app.payment(&payment).await["status"], "succeeded");
    assert_eq!(app.told(&payment).await, [] as [String; 0]);
    let events = events_of(&app, &payment);
    settle(&app, &events).await;
    assert_eq!(app.told(&payment).await, ["payment.succeeded"]);
    settle(&app, &events).await;
    assert_eq!(app.told(&payment).await, ["payment.succeeded"], "redelivered");
    let told = app.db.json("quittance.outbox", &format!("object_id = '{payment}'")).await;
    assert!(events.contains(&told["cause"].as_str().unwrap().to_owned()), "{told}");
    assert_eq!(
        (&told["payload"]["before"], &told["payload"]["origin"]),
        (&json!(null), &json!(null))
    );
}

#[tokio::test]
async fn a_row_that_covers_the_event_publishes_it_all_the_same() {
    let app = quiet(1, AT_ONCE).await;
    until_now(&app);
    let payment = app.pays("pm_card_visa");
    app.stripe().clock().advance(60);
    backfilled(&app, &["payment_intent"], "own").await;
    let asked = app.requests();
    let succeeded = events_of(&app, &payment).pop().unwrap();
    settle(&app, std::slice::from_ref(&succeeded)).await;
    assert_eq!(app.event(&succeeded).await["outcome"], "covered");
    assert_eq!(app.requests(), asked, "it cost no request");
    assert_eq!(app.told(&payment).await, ["payment.succeeded"]);
}

#[tokio::test]
async fn an_event_of_later_publishes_what_is_new_and_no_history() {
    let app = quiet(1, AT_ONCE).await;
    let customer =
        app.stripe().platform().create_customer(stripe_simulator::NewCustomer::default());
    let customer = customer["id"].as_str().unwrap().to_owned();
    let stripe = app.stripe().platform();
    let product = stripe.create_product(None, "Gold").unwrap();
    let price = stripe.create_price(product["id"].as_str().unwrap(), 900, "eur").unwrap();
    let subscription = stripe
        .subscribe(stripe_simulator::NewSubscription {
            customer,
            prices: vec![(price["id"].as_str().unwrap().to_owned(), 1)],
            card: "pm_card_visa".to_owned(),
            ..stripe_simulator::NewSubscription::default()
        })
        .unwrap();
    let id = subscription["id"].as_str().unwrap();
    until_now(&app);
    let old = app.stripe().truth(Kind::Event).len();
    backfilled(&app, &["subscription"], "own").await;
    app.stripe().clock().advance(60);
    // An update that leaves the status as it is.
    stripe.cancel_at_period_end(id).unwrap();
    let new = |app: &App, from: usize| {
        let events = app.stripe().truth(Kind::Event)[from..].to_vec();
        let of = |event: &&Value| event["data"]["object"]["id"] == id;
        super::ids(&events.iter().filter(of).cloned().collect::<Vec<_>>())
    };
    settle(&app, &new(&app, old)).await;
    assert_eq!(app.told(id).await, [] as [String; 0], "it has been active for a year");
    let before = app.stripe().truth(Kind::Event).len();
    app.stripe().clock().advance(60);
    stripe.cancel_subscription(id).unwrap();
    settle(&app, &new(&app, before)).await;
    assert_eq!(app.told(id).await, ["subscription.canceled"]);
    // What was published is newer than what was not: that stays unsaid.
    settle(&app, &events_of(&app, id)).await;
    assert_eq!(app.told(id).await, ["subscription.canceled"]);
}

#[tokio::test]
async fn a_refund_that_a_page_shows_first_publishes_of_its_charge_too() {
    let app = quiet(1, AT_ONCE).await;
    until_now(&app);
    let payment = app.pays("pm_card_visa");
    settle(&app, &super::ids(&app.stripe().truth(Kind::Event))).await;
    let told = app.db.count("quittance.outbox").await;
    let before = app.stripe().truth(Kind::Event).len();
    app.stripe().clock().advance(60);
    let refund = stripe_simulator::NewRefund {
        payment_intent: Some(payment.clone()),
        ..stripe_simulator::NewRefund::default()
    };
    app.stripe().platform().create_refund(refund).unwrap();
    app.stripe().clock().advance(60);
    backfilled(&app, &["charge", "refund", "payment_intent"], "own").await;
    assert_eq!(app.db.count("quittance.outbox").await, told, "no word of it");
    let events = app.stripe().truth(Kind::Event)[before..].to_vec();
    let refunds: Vec<Value> =
        events.into_iter().filter(|event| event["data"]["object"]["object"] == "refund").collect();
    // The refund's events alone: they also look at the charge.
    settle(&app, &super::ids(&refunds)).await;
    let topics = app.db.rows("SELECT topic FROM quittance.outbox ORDER BY seq").await;
    let topics: Vec<_> = topics.iter().map(|row| row["topic"].as_str().unwrap()).collect();
    assert_eq!(
        topics.iter().filter(|topic| **topic == "payment.refunded").count(),
        1,
        "{topics:?}"
    );
    assert_eq!(
        topics.iter().filter(|topic| **topic == "refund.succeeded").count(),
        1,
        "{topics:?}"
    );
}

#[tokio::test]
async fn what_is_published_on_request_names_its_origin() {
    let app = quiet(1, AT_ONCE).await;
    let payment = app.pays("pm_card_visa");
    until_now(&app);
    let wanted = quittance::backfill::BackfillRequest {
        notify: true,
        ..request(&["payment_intent"], "own")
    };
    let running = begin(&app, &wanted).await;
    assert_eq!(run(&app, running).await.state, OperationState::Done);
    let body = "SELECT quittance.outbox_body(o) AS body FROM quittance.outbox AS o";
    let told = app.db.rows(body).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["body"]["topic"], "payment.succeeded");
    assert_eq!(told[0]["body"]["origin"], "backfill");
    assert_eq!(told[0]["body"]["cause"], json!(null));
    settle(&app, &events_of(&app, &payment)).await;
    assert_eq!(app.told(&payment).await, ["payment.succeeded"], "its events have no more to say");
}

#[tokio::test]
async fn an_event_that_settles_while_a_page_is_on_its_way_is_not_overwritten_by_it() {
    let app = quiet(1, AT_ONCE).await;
    until_now(&app);
    // All in one second: no time says which is newer.
    app.stripe().clock().freeze();
    let made = app.makes(crate::harness::app::payment_of(2000));
    let kind = stripe_simulator::FaultKind::HoldAfter;
    app.stripe().add_fault(stripe_simulator::Fault::once("GET /v1/payment_intents", kind));
    let running = begin(&app, &request(&["payment_intent"], "own")).await;
    let one = super::backfill(&app);
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(async move { one.run(running, |_| {}, &stop).await });
    // The page shows a payment that nobody has tried to make; it is on its way.
    let held = app.stripe().next_held().await;
    let how = stripe_simulator::Confirm {
        payment_method: Some("pm_card_visa".to_owned()),
        ..stripe_simulator::Confirm::default()
    };
    app.stripe().platform().confirm_payment(&made, how).unwrap();
    settle(&app, &events_of(&app, &made)).await;
    assert_eq!(app.payment(&made).await["status"], "succeeded");
    held.proceed();
    running.await.unwrap().unwrap();
    assert_eq!(app.payment(&made).await["status"], "succeeded");
    assert_eq!(app.told(&made).await, ["payment.succeeded"]);
    assert_eq!(app.db.count("app.transitions WHERE kind = 'anomaly'").await, 0);
}
