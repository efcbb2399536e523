//! The HTTP API that seeds and steers a simulator, as a test in another language would use it.

use super::harness::Api;
use super::receiver::Receiver;

#[tokio::test]
async fn payments_are_made_and_their_truth_is_read_over_http() {
    let api = Api::start().await;
    let made = api.post("/simulator/payments", "count=3&scenario=refunded_in_parts").await;
    assert_eq!(made.status, 200, "{}", made.body);
    let ids: Vec<&str> = made.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["payment_intent"].as_str().unwrap())
        .collect();
    let truth = api.get("/simulator/objects?object=payment_intent").await;
    assert_eq!(truth.ids(), ids);
    let refunds = api.get("/simulator/objects?object=refund").await;
    assert_eq!(refunds.ids().len(), 6);
}

#[tokio::test]
async fn an_endpoint_that_is_registered_over_http_receives_signed_events() {
    let api = Api::start().await;
    let receiver = Receiver::start().await;
    let form = format!("url={}&secret=whsec_receiver", receiver.url);
    assert_eq!(api.post("/simulator/webhook_endpoints", &form).await.status, 200);
    api.post("/simulator/payments", "scenario=paid").await;
    api.sim.wait_all_acknowledged().await.unwrap();
    let stats = api.get("/simulator").await.body;
    assert_eq!(stats["webhooks"]["acknowledged"], stats["webhooks"]["deliveries"]);
    assert_eq!(stats["webhooks"]["in_flight"], 0);
    assert!(stats["webhooks"]["acknowledged"].as_u64().unwrap() > 2, "{stats}");
}

#[tokio::test]
async fn events_are_held_back_and_released_over_http() {
    let api = Api::start().await;
    let receiver = Receiver::start().await;
    let form = format!("url={}&secret=whsec_receiver", receiver.url);
    api.post("/simulator/webhook_endpoints", &form).await;
    let held = api.post("/simulator/deliveries", "auto=false").await;
    assert_eq!(held.body["in_flight"], 0);
    api.post("/simulator/payments", "scenario=paid").await;
    let event = api.get("/simulator/objects?object=event").await.ids()[0].to_owned();
    let sent = api.post(&format!("/simulator/events/{event}/deliver"), "").await;
    assert_eq!(sent.body["statuses"], serde_json::json!([200]));
    api.post("/simulator/deliveries", "auto=true&release=true").await;
    api.sim.wait_all_acknowledged().await.unwrap();
}

#[tokio::test]
async fn chaos_is_set_by_name_and_does_not_touch_the_controls() {
    let api = Api::start().await;
    let set = api.post("/simulator/chaos", "preset=rough&server_errors=1").await;
    assert_eq!((set.status, &set.body["server_errors"]), (200, &serde_json::json!(1.0)));
    assert_eq!(api.get("/v1/payment_intents").await.status, 500);
    assert_eq!(api.get("/simulator/chaos").await.body["duplicates"], 0.15);
    let refused = api.post("/simulator/chaos", "server_errors=0&hang=1").await;
    assert_eq!((refused.status, refused.text("/error/param")), (400, "hang"));
    let kept = api.get("/simulator/chaos").await;
    assert_eq!(kept.body["server_errors"], 1.0, "a refused request changes nothing");
    api.post("/simulator/chaos", "preset=calm").await;
    assert_eq!(api.get("/v1/payment_intents").await.status, 200);
}

#[tokio::test]
async fn the_clock_is_frozen_and_put_forward() {
    let api = Api::start().await;
    let then = api.post("/simulator/clock", "pace=frozen").await.body["now"].as_i64().unwrap();
    let now = api.post("/simulator/clock", "advance=3600").await.body["now"].as_i64().unwrap();
    assert_eq!(now, then + 3600);
    assert_eq!(api.post("/simulator/clock", "advance=-1").await.status, 400);
}

#[tokio::test]
async fn what_is_not_understood_is_refused_with_its_parameter() {
    let api = Api::start().await;
    for (path, form, param) in [
        ("/simulator/payments", "count=0", "count"),
        ("/simulator/payments", "scenario=happy", "scenario"),
        ("/simulator/payments", "colour=blue", "colour"),
        ("/simulator/webhook_endpoints", "url=ftp://x&secret=s", "url"),
        ("/simulator/webhook_endpoints", "url=http://127.0.0.1:1/", "secret"),
        ("/simulator/clock", "pace=fast", "pace"),
    ] {
        let refused = api.post(path, form).await;
        assert_eq!((refused.status, refused.text("/error/param")), (400, param), "{path} {form}");
    }
    assert_eq!(api.get("/simulator/objects?object=dragon").await.status, 400);
    assert_eq!(api.get("/simulator/nonsense").await.status, 404);
    let unsigned = [("authorization", "Bearer sk_test_other")];
    assert_eq!(api.send("GET", "/simulator", "", &unsigned).await.unwrap().status, 401);
    let basic = [("authorization", "Basic c2tfdGVzdF9zaW11bGF0b3I6")];
    assert_eq!(api.send("GET", "/simulator", "", &basic).await.unwrap().status, 200);
}
