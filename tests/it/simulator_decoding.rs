//! Types that are not ours decode what the simulator shows.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use stripe_simulator::{
    Config, CustomerScenario, Kind, PaymentScenario, Simulator, run_customer_scenario,
    run_payment_scenario,
};
use tokio::net::TcpListener;

async fn all_stories() -> Simulator {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sim = Simulator::start(listener, Config::default()).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    for story in PaymentScenario::ALL {
        let account = sim.platform();
        run_payment_scenario(&account, story, &mut rng, Duration::ZERO).await.unwrap();
    }
    for &story in CustomerScenario::ALL {
        run_customer_scenario(&sim.platform(), story, &mut rng, Duration::ZERO).await.unwrap();
    }
    sim
}

pub(crate) fn decode<T: miniserde::Deserialize>(value: &Value) -> T {
    miniserde::json::from_str(&value.to_string())
        .unwrap_or_else(|error| panic!("{error} in {value:#}"))
}

#[tokio::test]
async fn async_stripe_decodes_every_object_of_every_story() {
    let sim = all_stories().await;
    for value in sim.truth(Kind::PaymentIntent) {
        let payment: stripe_shared::PaymentIntent = decode(&value);
        assert_eq!(payment.id.as_str(), value["id"]);
        assert_eq!(payment.status.as_str(), value["status"]);
        let error = payment.last_payment_error.and_then(|error| error.code);
        let shown = value.pointer("/last_payment_error/code").and_then(Value::as_str);
        assert_eq!(error.as_ref().map(|code| code.as_str()), shown);
    }
    for value in sim.truth(Kind::Charge) {
        let charge: stripe_shared::Charge = decode(&value);
        assert_eq!(charge.amount_refunded, value["amount_refunded"].as_i64().unwrap());
        assert_eq!(charge.status.as_str(), value["status"]);
    }
    for value in sim.truth(Kind::Refund) {
        let refund: stripe_shared::Refund = decode(&value);
        assert_eq!(refund.status.as_deref(), value["status"].as_str());
    }
}

#[tokio::test]
async fn async_stripe_decodes_every_event_and_its_snapshot() {
    let sim = all_stories().await;
    let events = sim.truth(Kind::Event);
    assert!(events.len() > 60);
    for value in events {
        let event: stripe_shared::Event = decode(&value);
        assert_eq!(event.id.as_str(), value["id"]);
        // An unknown kind would decode too, so it has to be one that Stripe has.
        let known = !matches!(event.type_, stripe_shared::EventType::Unknown(_));
        assert!(known, "{}", value["type"]);
        let object = &value["data"]["object"];
        match object["object"].as_str().unwrap() {
            "payment_intent" => drop(decode::<stripe_shared::PaymentIntent>(object)),
            "charge" => drop(decode::<stripe_shared::Charge>(object)),
            "refund" => drop(decode::<stripe_shared::Refund>(object)),
            "customer" => drop(decode::<stripe_shared::Customer>(object)),
            "setup_intent" => drop(decode::<stripe_shared::SetupIntent>(object)),
            "checkout.session" => drop(decode::<stripe_shared::CheckoutSession>(object)),
            "payment_method" => drop(decode::<stripe_shared::PaymentMethod>(object)),
            "dispute" => drop(decode::<stripe_shared::Dispute>(object)),
            "account" => drop(decode::<stripe_shared::Account>(object)),
            "capability" => drop(decode::<stripe_shared::Capability>(object)),
            "bank_account" | "application" => {}
            "payout" => drop(decode::<stripe_shared::Payout>(object)),
            other => panic!("a snapshot of {other}"),
        }
    }
}
