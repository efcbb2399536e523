//! Signed deliveries, and what happens when they fail.

use std::time::Duration;

use stripe_simulator::{Config, NotDelivered, Retries, WebhookEndpoint};

use super::harness::{Api, paid_with, until};
use super::receiver::{Receiver, is_signed, part};

fn quick() -> Config {
    let retries = Retries {
        first_gap: Duration::from_millis(1),
        max_gap: Duration::from_millis(4),
        max_attempts: None,
    };
    Config { retries, delivery_concurrency: 1, ..Config::default() }
}

#[tokio::test]
async fn deliveries_are_signed_and_in_calm_chaos_with_one_slot_in_order() {
    let (api, receiver) = (Api::with(quick()).await, Receiver::start().await);
    api.sim.add_endpoint(receiver.endpoint());
    for _ in 0..10 {
        api.paid();
    }
    api.sim.wait_all_acknowledged().await.unwrap();
    assert_eq!(receiver.accepted(), api.event_types());
    let counts = api.sim.stats().webhooks;
    assert_eq!((counts.deliveries, counts.sent, counts.acknowledged), (40, 40, 40));
    assert_eq!((counts.duplicates, counts.failed), (0, 0));
    let one = receiver.received().remove(0);
    assert!(one.body.starts_with(b"{\n  \""), "indented, as Stripe's are");
    assert_eq!(part(&one.signature, "v1").len(), 1);
    assert_eq!(part(&one.signature, "v0").len(), 1, "the fake scheme comes along");
}

#[tokio::test]
async fn a_delivery_is_repeated_until_it_is_acknowledged_with_a_new_signature() {
    let (api, receiver) = (Api::with(quick()).await, Receiver::start().await);
    receiver.refuse(3);
    api.sim.add_endpoint(receiver.endpoint());
    let event = api.sim.platform().emit("customer.created", serde_json::json!({"id": "cus_1"}));
    api.sim.wait_all_acknowledged().await.unwrap();
    let received = receiver.received();
    let statuses: Vec<u16> = received.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [503, 503, 503, 200]);
    assert!(received.iter().all(|one| one.id() == event));
    assert!(received.iter().is_sorted_by_key(|one| one.t()), "t never goes back");
    assert_eq!(received[0].event["pending_webhooks"], 1);
    let shown = api.get(&format!("/v1/events/{event}")).await;
    assert_eq!(shown.body["pending_webhooks"], 0);
    let counts = api.sim.stats().webhooks;
    assert_eq!((counts.sent, counts.failed, counts.acknowledged), (4, 3, 1));
}

#[tokio::test]
async fn a_delivery_is_given_up_after_the_most_attempts_and_listed_as_failed() {
    let mut config = quick();
    config.retries.max_attempts = Some(2);
    let (api, receiver) = (Api::with(config).await, Receiver::start().await);
    receiver.refuse(2);
    api.sim.add_endpoint(receiver.endpoint());
    let emit = |id: &str| api.sim.platform().emit("x.y", serde_json::json!({ "id": id }));
    let lost = emit("x_1");
    let given_up = api.sim.wait_all_acknowledged().await.unwrap_err();
    assert_eq!(given_up.events, [lost.as_str()]);
    emit("x_2");
    api.sim.wait_all_acknowledged().await.unwrap_err();
    let failed = api.get("/v1/events?delivery_success=false").await;
    assert_eq!(failed.ids(), [lost.as_str()]);
    let good = api.get("/v1/events?delivery_success=true").await;
    assert_eq!(good.ids().len(), 1);

    api.sim.redeliver(&lost).unwrap();
    api.sim.wait_all_acknowledged().await.unwrap();
    assert!(api.get("/v1/events?delivery_success=false").await.ids().is_empty());
}

#[tokio::test]
async fn a_dead_endpoint_is_tried_again_when_it_is_there_and_holds_up_no_other() {
    let (api, receiver) = (Api::with(quick()).await, Receiver::start().await);
    // No server listens here.
    api.sim.add_endpoint(WebhookEndpoint::new("http://127.0.0.1:1/webhooks", "whsec_none"));
    api.sim.add_endpoint(receiver.endpoint());
    api.paid();
    until(|| receiver.accepted().len() == 4).await;
    until(|| api.sim.stats().webhooks.failed > 0).await;
    let event = receiver.received().remove(0);
    let shown = api.get(&format!("/v1/events/{}", event.id())).await;
    assert_eq!(shown.body["pending_webhooks"], 1);
}

#[tokio::test]
async fn a_secret_that_is_rolled_signs_beside_the_new_one() {
    let (api, receiver) = (Api::with(quick()).await, Receiver::start().await);
    let endpoint = api.sim.add_endpoint(receiver.endpoint());
    assert!(api.sim.set_secrets(endpoint, &["whsec_new", "whsec_receiver"]));
    api.sim.platform().emit("x.y", serde_json::json!({}));
    api.sim.wait_all_acknowledged().await.unwrap();
    let one = receiver.received().remove(0);
    assert_eq!(part(&one.signature, "v1").len(), 2);
    for secret in ["whsec_new", "whsec_receiver"] {
        assert!(is_signed(secret, &one.signature, &one.body), "{secret}");
    }
    assert!(!is_signed("whsec_other", &one.signature, &one.body));

    receiver.trust("whsec_new");
    api.sim.set_secrets(endpoint, &["whsec_new"]);
    api.sim.platform().emit("x.y", serde_json::json!({}));
    api.sim.wait_all_acknowledged().await.unwrap();
    assert_eq!(part(&receiver.received()[1].signature, "v1").len(), 1);
}

#[tokio::test]
async fn account_and_connect_endpoints_hear_of_their_own() {
    let config = Config { other_key: Some("sk_live_1".into()), ..quick() };
    let (api, own, connect, live) = (
        Api::with(config).await,
        Receiver::start().await,
        Receiver::start().await,
        Receiver::start().await,
    );
    api.sim.add_endpoint(own.endpoint());
    api.sim.add_endpoint(connect.endpoint().connect());
    api.sim.add_endpoint(WebhookEndpoint { livemode: true, ..live.endpoint().connect() });
    api.paid();
    api.sim.connected("acct_1C").create_payment(paid_with("pm_card_visa")).unwrap();
    api.sim.platform_with_key("sk_live_1").emit("x.y", serde_json::json!({}));
    api.sim.wait_all_acknowledged().await.unwrap();
    let accounts = |receiver: &Receiver| -> Vec<Option<String>> {
        let received = receiver.received();
        received.iter().map(|one| one.event["account"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(accounts(&own), vec![None; 4]);
    assert_eq!(accounts(&connect), vec![Some("acct_1C".to_owned()); 4]);
    assert_eq!(accounts(&live).len(), 4, "a live Connect endpoint receives test events too");
}

#[tokio::test]
async fn held_events_are_delivered_when_asked_for() {
    let config = Config { auto_deliver: false, ..quick() };
    let (api, receiver) = (Api::with(config).await, Receiver::start().await);
    let endpoint = api.sim.add_endpoint(receiver.endpoint());
    api.paid();
    api.sim.wait_all_acknowledged().await.unwrap();
    assert!(receiver.received().is_empty());

    let last = api.get("/v1/events").await.ids()[0].to_owned();
    let delivered = api.sim.deliver(&last).await.unwrap();
    assert_eq!((delivered[0].endpoint, delivered[0].status), (endpoint, Some(200)));
    assert_eq!(receiver.accepted(), ["charge.updated"], "the last one first");
    api.sim.release();
    api.sim.wait_all_acknowledged().await.unwrap();
    assert_eq!(receiver.accepted().len(), 4, "each of the others once");
    let none = api.sim.deliver("evt_none").await.unwrap_err();
    assert_eq!(none, NotDelivered::NoSuchEvent("evt_none".into()));
}

#[tokio::test]
async fn an_endpoint_of_an_old_version_sees_the_old_shape() {
    let (api, receiver) = (Api::with(quick()).await, Receiver::start().await);
    let old = Some("2020-08-27".to_owned());
    api.sim.add_endpoint(WebhookEndpoint { api_version: old, ..receiver.endpoint() });
    api.paid();
    api.sim.wait_all_acknowledged().await.unwrap();
    for one in receiver.received() {
        assert_eq!(one.event["api_version"], "2020-08-27");
        let object = &one.event["data"]["object"];
        if object["object"] == "payment_intent" {
            assert!(object.get("latest_charge").is_none());
            assert_eq!(object["charges"]["object"], "list");
        } else {
            assert_eq!(object["refunds"]["object"], "list");
        }
    }
    let reply = api.get("/v1/payment_intents").await;
    assert!(reply.body["data"][0]["latest_charge"].is_string(), "the API shows the new one");
}

#[tokio::test]
async fn a_simulator_that_stops_leaves_nothing_running() {
    let (api, receiver) = (Api::with(quick()).await, Receiver::start().await);
    receiver.refuse(u32::MAX);
    api.sim.add_endpoint(receiver.endpoint());
    api.paid();
    api.sim.shutdown().await;
    assert!(api.sim.wait_all_acknowledged().await.is_err());
    assert!(api.send("GET", "/v1/account", "", &[]).await.is_err());
}

#[tokio::test]
async fn a_swallowed_event_is_listed_and_never_delivered() {
    let api = Api::start().await;
    let receiver = Receiver::start().await;
    api.sim.add_endpoint(receiver.endpoint());
    api.sim.set_chaos(|chaos| chaos.swallowed = 1.0);
    api.paid();
    api.sim.set_chaos(|chaos| chaos.swallowed = 0.0);
    api.paid();
    api.sim.wait_all_acknowledged().await.unwrap();
    let listed = api.get("/v1/events?limit=100").await.ids().len();
    assert_eq!(receiver.received().len() * 2, listed);
}

#[tokio::test]
async fn a_disabled_endpoint_and_one_that_is_not_sent_the_type_get_nothing() {
    let api = Api::start().await;
    let receiver = Receiver::start().await;
    let endpoint = api.sim.add_endpoint(receiver.endpoint());
    api.sim.change_endpoint(endpoint, |endpoint| endpoint.enabled = false);
    api.paid();
    assert_eq!(api.get("/v1/webhook_endpoints").await.text("/data/0/status"), "disabled");
    let id = api.get("/v1/webhook_endpoints").await.ids()[0].to_owned();
    let changed = "status=enabled&enabled_events[]=charge.succeeded";
    let answer = api.post(&format!("/simulator/webhook_endpoints/{id}"), changed).await;
    assert_eq!(answer.status, 200);
    api.paid();
    api.sim.wait_all_acknowledged().await.unwrap();
    let received = receiver.received();
    let types: Vec<_> = received.iter().map(|it| it.event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["charge.succeeded"]);
}
