//! Stories of payments, and what must hold whatever is events.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use stripe_simulator::{Config, Kind, PaymentScenario, run_payment, run_payment_scenario};

use super::harness::Api;

#[tokio::test]
async fn each_story_ends_as_its_name_says() {
    let api = Api::start().await;
    let account = api.sim.platform();
    let mut rng = StdRng::seed_from_u64(3);
    for scenario in PaymentScenario::ALL {
        let finished =
            run_payment_scenario(&account, scenario, &mut rng, Duration::ZERO).await.unwrap();
        let path = format!("/v1/payment_intents/{}", finished.payment_intent);
        let expected = match scenario {
            PaymentScenario::InsufficientFundsThenCanceled
            | PaymentScenario::AuthorisationCanceled
            | PaymentScenario::Abandoned => "canceled",
            PaymentScenario::OffSessionDeclined | PaymentScenario::DebitBounced => {
                "requires_payment_method"
            }
            PaymentScenario::Paid
            | PaymentScenario::PaidLater
            | PaymentScenario::DeclinedThenPaid
            | PaymentScenario::Authenticated
            | PaymentScenario::AuthenticationFailedThenPaid
            | PaymentScenario::Captured
            | PaymentScenario::CapturedInPart
            | PaymentScenario::DebitPaid
            | PaymentScenario::RefundedInParts
            | PaymentScenario::Refunded
            | PaymentScenario::RefundPendingThenDone
            | PaymentScenario::RefundFailed
            | PaymentScenario::RefundCanceled
            | PaymentScenario::Destination
            | PaymentScenario::DisputeWon
            | PaymentScenario::DisputeLost
            | PaymentScenario::InquiryClosed
            | PaymentScenario::PaidOut
            | PaymentScenario::PayoutFailed
            | PaymentScenario::AccountRestricted
            | PaymentScenario::AccountDeauthorized => "succeeded",
        };
        assert_eq!(api.get(&path).await.text("/status"), expected, "{scenario:?}");
    }
}

#[tokio::test]
async fn a_thousand_lifecycles_keep_the_money_right() {
    let api = Api::start().await;
    let account = api.sim.platform();
    let mut rng = StdRng::seed_from_u64(5);
    for _ in 0..1000 {
        run_payment(&account, &mut rng, Duration::ZERO).await.unwrap();
    }
    let refunds = api.sim.truth(Kind::Refund);
    let mut given_back = std::collections::HashMap::new();
    for refund in &refunds {
        if !["failed", "canceled"].contains(&refund["status"].as_str().unwrap()) {
            *given_back.entry(refund["charge"].as_str().unwrap()).or_insert(0) +=
                refund["amount"].as_i64().unwrap();
        }
    }
    let charges = api.sim.truth(Kind::Charge);
    for charge in &charges {
        let amount = |field: &str| charge[field].as_i64().unwrap();
        let sum = given_back.get(charge["id"].as_str().unwrap()).copied().unwrap_or(0);
        assert_eq!(amount("amount_refunded"), sum, "{charge:#}");
        assert!(amount("amount_refunded") <= amount("amount"));
        assert!(amount("amount_captured") <= amount("amount"));
        assert_eq!(charge["refunded"] == true, sum > 0 && sum == amount("amount"));
    }
    let payments = api.sim.truth(Kind::PaymentIntent);
    let currencies: BTreeSet<_> =
        payments.iter().map(|p| p["currency"].as_str().unwrap()).collect();
    assert_eq!(currencies, BTreeSet::from(["eur", "jpy", "kwd", "usd"]));
    for payment in payments {
        let received = payment["amount_received"].as_i64().unwrap();
        assert_eq!(received > 0, payment["status"] == "succeeded", "{payment:#}");
        if payment["currency"] == "kwd" {
            assert_eq!(received % 10, 0);
        }
    }
}

#[tokio::test]
async fn the_last_snapshot_of_a_payment_is_the_truth() {
    let api = Api::start().await;
    let account = api.sim.platform();
    let mut rng = StdRng::seed_from_u64(8);
    for _ in 0..100 {
        run_payment(&account, &mut rng, Duration::ZERO).await.unwrap();
    }
    let mut last = std::collections::HashMap::new();
    for event in api.sim.truth(Kind::Event) {
        let object = event["data"]["object"].clone();
        last.insert(object["id"].as_str().unwrap().to_owned(), object);
    }
    for kind in [Kind::PaymentIntent, Kind::Refund] {
        for object in api.sim.truth(kind) {
            assert_eq!(last[object["id"].as_str().unwrap()], object);
        }
    }
}

#[tokio::test]
async fn the_same_seed_runs_the_same_scenarios() {
    let run = async || {
        let config = Config { seed: 11, start_at: Some(1_700_000_000), ..Config::default() };
        let api = Api::with(config).await;
        let clock = api.sim.clock();
        clock.freeze();
        // Some time may have passed since the start.
        clock.advance(u32::try_from(1_700_000_060 - clock.now()).unwrap());
        let mut rng = StdRng::seed_from_u64(11);
        for _ in 0..50 {
            run_payment(&api.sim.platform(), &mut rng, Duration::ZERO).await.unwrap();
        }
        api.sim.truth(Kind::Event)
    };
    assert_eq!(run().await, run().await);
}
