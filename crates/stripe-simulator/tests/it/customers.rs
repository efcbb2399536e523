//! Customers, their methods, setups and checkouts, and the events of them.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use stripe_simulator::{CustomerScenario, Kind, run_customer_scenario};

use super::harness::Api;

/// Runs one scenario; the kinds of its events but for those of payments and charges.
async fn events_of(scenario: CustomerScenario) -> (Api, Vec<String>) {
    let api = Api::start().await;
    let mut rng = StdRng::seed_from_u64(1);
    run_customer_scenario(&api.sim.platform(), scenario, &mut rng, Duration::ZERO).await.unwrap();
    let events = api.event_types();
    let events = events
        .into_iter()
        .filter(|kind| !kind.starts_with("payment_intent.") && !kind.starts_with("charge."));
    (api, events.collect())
}

fn only(api: &Api, kind: Kind) -> Value {
    let [it] = &api.sim.truth(kind)[..] else { panic!("one {kind:?}") };
    it.clone()
}

#[tokio::test]
async fn a_setup_is_tried_until_a_card_is_kept() {
    let (api, events) = events_of(CustomerScenario::SetUpAuthenticationFailed).await;
    assert_eq!(
        events,
        [
            "customer.created",
            "setup_intent.created",
            "setup_intent.requires_action",
            "setup_intent.setup_failed",
            "payment_method.attached",
            "setup_intent.succeeded",
        ]
    );
    let setup = only(&api, Kind::SetupIntent);
    let shown = api.get(&format!("/v1/setup_intents/{}", setup["id"].as_str().unwrap())).await;
    assert_eq!((shown.body["status"].clone(), &shown.body), (json!("succeeded"), &setup));
    assert_eq!(only(&api, Kind::PaymentMethod)["customer"], setup["customer"]);
}

#[tokio::test]
async fn a_declined_setup_goes_back_and_says_why() {
    let (api, events) = events_of(CustomerScenario::SetUpDeclinedThenCanceled).await;
    let last: Vec<_> = events.iter().rev().take(2).rev().map(String::as_str).collect();
    assert_eq!(last, ["setup_intent.setup_failed", "setup_intent.canceled"]);
    let setup = only(&api, Kind::SetupIntent);
    assert_eq!(setup["last_setup_error"]["code"], "card_declined");
    assert_eq!(api.sim.truth(Kind::PaymentMethod), Vec::<Value>::new(), "none was kept");
}

#[tokio::test]
async fn a_delayed_checkout_completes_unpaid_and_the_bank_answers_later() {
    for (scenario, last_event, payment_status) in [
        (CustomerScenario::CheckoutPaidLater, "checkout.session.async_payment_succeeded", "paid"),
        (
            CustomerScenario::CheckoutPaymentFailed,
            "checkout.session.async_payment_failed",
            "unpaid",
        ),
    ] {
        let (api, events) = events_of(scenario).await;
        assert_eq!(events, ["customer.created", "checkout.session.completed", last_event]);
        let events = api.sim.truth(Kind::Event);
        let completed = events.iter().find(|e| e["type"] == "checkout.session.completed").unwrap();
        assert_eq!(completed["data"]["object"]["payment_status"], "unpaid");
        let session = only(&api, Kind::CheckoutSession);
        assert_eq!(
            (&session["status"], &session["payment_status"]),
            (&json!("complete"), &json!(payment_status))
        );
        assert_eq!(only(&api, Kind::PaymentIntent)["id"], session["payment_intent"]);
        let path = format!("/v1/checkout/sessions/{}", session["id"].as_str().unwrap());
        assert_eq!(api.get(&path).await.body, session);
        let seen = api.sim.stats().requests_to(Some("GET /v1/checkout/sessions/{id}"));
        assert_eq!(seen, 1, "counted by endpoint and not by session");
    }
}

#[tokio::test]
async fn a_deleted_customer_answers_as_deleted_and_its_methods_live_on() {
    let (api, events) = events_of(CustomerScenario::Deleted).await;
    assert_eq!(events.last().unwrap(), "payment_method.automatically_updated");
    let gone = only(&api, Kind::Customer);
    let shown = api.get(&format!("/v1/customers/{}", gone["id"].as_str().unwrap())).await;
    assert_eq!((shown.status, &shown.body), (200, &gone));
    assert_eq!(gone["deleted"], true);
    let methods = api.sim.truth(Kind::PaymentMethod);
    assert!(methods.len() == 2 && methods.iter().all(|method| method["customer"] == gone["id"]));
}

#[tokio::test]
async fn a_new_card_changes_the_expiry_and_a_detached_one_is_not_attached_again() {
    let (api, events) = events_of(CustomerScenario::CardRenewed).await;
    assert_eq!(events.last().unwrap(), "payment_method.automatically_updated");
    let method = only(&api, Kind::PaymentMethod);
    assert_eq!(method["card"]["exp_year"], 2038);
    let (account, id) = (api.sim.platform(), method["id"].as_str().unwrap());
    account.detach_method(id).unwrap();
    assert!(account.attach_method(id, method["customer"].as_str().unwrap()).is_err());
}

#[tokio::test]
async fn a_customer_is_made_changed_and_deleted_over_http() {
    let api = Api::start().await;
    let form = "email=a@b.test&name=Ann&metadata[a]=b&payment_method=pm_card_visa\
        &invoice_settings[default_payment_method]=pm_card_visa";
    let made = api.post("/v1/customers", form).await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!((made.text("/email"), made.text("/name")), ("a@b.test", "Ann"));
    assert!(made.body["phone"].is_null(), "nothing is made up");
    let id = made.text("/id");
    let kept = api.get(&format!("/v1/customers/{id}/payment_methods")).await;
    assert_eq!(kept.ids(), [made.text("/invoice_settings/default_payment_method")]);
    let path = format!("/v1/customers/{id}");
    let changed = api.post(&path, "name=Bea&metadata[a]=&metadata[c]=d").await;
    assert_eq!((changed.text("/name"), changed.text("/email")), ("Bea", "a@b.test"));
    assert_eq!(changed.body["metadata"], serde_json::json!({"c": "d"}));
    assert_eq!(api.get("/v1/customers?email=a@b.test").await.ids(), [id]);
    assert!(api.get("/v1/customers?email=x@b.test").await.ids().is_empty());
    let wrong = api.post("/v1/customers", "email=nobody").await;
    assert_eq!((wrong.status, wrong.text("/error/code")), (400, "email_invalid"));
    let gone = api.send("DELETE", &path, "", &[]).await.unwrap();
    assert_eq!(gone.body["deleted"], true);
    assert!(api.get("/v1/customers").await.ids().is_empty());
}
