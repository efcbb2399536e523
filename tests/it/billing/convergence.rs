//! Whatever the order and the duplicates: at the end every row says what Stripe says.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use stripe_simulator::{BillingScenario, run_billing_scenario};

use super::reconciler::App;
use crate::simulator_decoding::decode;

async fn live_through(app: &App, stories: &[BillingScenario], rng: &mut StdRng) {
    for story in stories {
        let told = run_billing_scenario(&app.stripe(), *story, rng, Duration::ZERO).await;
        told.unwrap_or_else(|error| panic!("{story:?}: {error}"));
    }
}

#[tokio::test]
async fn every_story_told_in_order_ends_true_and_without_an_anomaly() {
    let mut app = App::open().await;
    let mut rng = StdRng::seed_from_u64(3);
    for story in BillingScenario::ALL {
        live_through(&app, &[story], &mut rng).await;
        app.catch_up().await;
        app.assert_true().await;
    }
    assert_eq!(app.anomalies().await, 0);
}

#[tokio::test]
async fn every_event_of_a_story_is_of_a_type_that_stripe_has() {
    let app = App::open().await;
    live_through(&app, &BillingScenario::ALL, &mut StdRng::seed_from_u64(2)).await;
    for event in app.events() {
        let event: stripe_shared::Event = decode(&event);
        let known = !matches!(event.type_, stripe_shared::EventType::Unknown(_));
        assert!(known, "{}", event.type_.as_str());
    }
}

#[tokio::test]
async fn duplicates_and_any_order_change_nothing() {
    let app = App::open().await;
    let mut rng = StdRng::seed_from_u64(4);
    let (early, late) = BillingScenario::ALL.split_at(10);
    live_through(&app, early, &mut rng).await;
    let before = app.events();
    live_through(&app, late, &mut rng).await;
    // What was told first comes last, and all of it twice.
    for mut part in [app.events(), before] {
        part.shuffle(&mut rng);
        for event in part.iter().chain(&part) {
            app.settle(event).await;
        }
    }
    app.assert_true().await;
    assert_eq!(app.anomalies().await, 0);
}

#[tokio::test]
async fn all_of_a_life_in_one_second_told_backwards_ends_true() {
    let app = App::open().await;
    let mut rng = StdRng::seed_from_u64(5);
    app.sim.clock().freeze();
    live_through(
        &app,
        &[BillingScenario::ItemsReplaced, BillingScenario::RenewalRecovered],
        &mut rng,
    )
    .await;
    for event in app.events().iter().rev() {
        app.settle(event).await;
    }
    app.assert_true().await;
}

#[tokio::test]
async fn a_change_between_two_events_of_one_second_is_not_missed() {
    let mut app = App::open().await;
    app.sim.clock().freeze();
    let stripe = app.stripe();
    let product = stripe.create_product(Some("gold-plan.v2"), "Gold").unwrap();
    let id = product["id"].as_str().unwrap();
    app.catch_up().await;
    stripe.update_product(id, "Platinum", false).unwrap();
    app.catch_up().await;
    app.assert_true().await;
    assert_eq!(app.value("app.products", "name", "true").await, "Platinum");
}
