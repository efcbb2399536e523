//! Faults of single endpoints.

use std::sync::Arc;

use serde_json::json;
use stripe_simulator::{Fault, FaultKind, Kind, ScriptedAnswer};

use super::harness::{Api, until};

const PAYMENTS: &str = "POST /v1/payment_intents";
const FORM: &str = "amount=2000&currency=eur";

async fn create(api: &Api, key: &str) -> Option<(u16, serde_json::Value)> {
    let reply = api.send("POST", "/v1/payment_intents", FORM, &[("idempotency-key", key)]).await;
    reply.ok().map(|reply| (reply.status, reply.body))
}

fn made(api: &Api) -> usize {
    api.sim.truth(Kind::PaymentIntent).len()
}

#[tokio::test]
async fn a_500_after_the_deed_is_stored_under_its_key() {
    let api = Api::start().await;
    api.sim.add_fault(Fault::once(PAYMENTS, FaultKind::ErrorAfter));
    assert_eq!(create(&api, "k").await.unwrap().0, 500);
    assert_eq!(made(&api), 1, "it acted");
    assert_eq!(create(&api, "k").await.unwrap().0, 500, "the same key answers the same for ever");
    assert_eq!(made(&api), 1);
    assert_eq!(create(&api, "k2").await.unwrap().0, 200);
}

#[tokio::test]
async fn a_500_before_the_deed_is_stored_too() {
    let api = Api::start().await;
    api.sim.add_fault(Fault::once(PAYMENTS, FaultKind::ErrorBefore));
    assert_eq!(create(&api, "k").await.unwrap().0, 500);
    assert_eq!(create(&api, "k").await.unwrap().0, 500);
    assert_eq!(made(&api), 0);
}

#[tokio::test]
async fn what_refuses_before_anything_began_stores_nothing() {
    let api = Api::start().await;
    for (kind, status, code, retry) in [
        (FaultKind::Unavailable, 503, None, Some("true")),
        (FaultKind::KeyInUse, 409, Some("idempotency_key_in_use"), Some("true")),
        (FaultKind::RateLimited, 429, Some("rate_limit"), Some("true")),
        (FaultKind::RateLimitedUnmarked, 429, Some("rate_limit"), None),
        (FaultKind::LockTimeout, 429, Some("lock_timeout"), Some("true")),
    ] {
        let (before, key) = (made(&api), format!("{kind:?}"));
        api.sim.add_fault(Fault::once(PAYMENTS, kind));
        let headers = [("idempotency-key", key.as_str())];
        let reply = api.send("POST", "/v1/payment_intents", FORM, &headers).await.unwrap();
        assert_eq!(reply.status, status, "{key}");
        assert_eq!(reply.body["error"]["code"].as_str(), code, "{key}");
        assert_eq!(reply.header("stripe-should-retry"), retry, "{key}");
        assert_eq!(made(&api), before, "{key}");
        assert_eq!(create(&api, &key).await.unwrap().0, 200, "{key}");
    }
}

#[tokio::test]
async fn a_lost_connection_says_nothing_of_the_deed() {
    let api = Api::start().await;
    for (kind, acted) in [(FaultKind::ResetBefore, 0), (FaultKind::ResetAfter, 1)] {
        let (before, key) = (made(&api), format!("{kind:?}"));
        api.sim.add_fault(Fault::once(PAYMENTS, kind));
        assert_eq!(create(&api, &key).await, None);
        assert_eq!(made(&api) - before, acted, "{key}");
        assert_eq!(create(&api, &key).await.unwrap().0, 200, "the same key finishes it");
        assert_eq!(made(&api) - before, 1, "{key}");
    }
}

#[tokio::test]
async fn a_request_that_acted_and_is_not_answered_keeps_its_key_in_use() {
    let api = Arc::new(Api::start().await);
    api.sim.add_fault(Fault::once(PAYMENTS, FaultKind::TimeoutAfter));
    let first = tokio::spawn({
        let api = Arc::clone(&api);
        async move { create(&api, "k").await }
    });
    until(|| made(&api) == 1).await;
    assert_eq!(create(&api, "k").await.unwrap().0, 409);
    first.abort();
    // The server sees a moment later that the client has given up.
    let again = loop {
        let (status, body) = create(&api, "k").await.unwrap();
        if status == 200 {
            break body;
        }
        assert_eq!(status, 409);
    };
    assert_eq!(again["id"], api.sim.truth(Kind::PaymentIntent)[0]["id"]);
    assert_eq!(made(&api), 1);
}

#[tokio::test]
async fn a_request_that_is_never_answered_can_have_done_nothing() {
    let api = Api::start().await;
    let fault = api.sim.add_fault(Fault::once(PAYMENTS, FaultKind::TimeoutBefore));
    let request = create(&api, "k");
    tokio::pin!(request);
    tokio::select! {
        biased;
        _ = &mut request => panic!("it was answered"),
        () = until(|| api.sim.faults()[0].hits == 1) => {}
    }
    assert_eq!(made(&api), 0);
    assert!(api.sim.remove_fault(fault));
}

#[tokio::test]
async fn a_fault_is_aimed_at_one_endpoint_and_has_a_share() {
    let api = Api::start().await;
    let some = Fault { share: 0.5, ..Fault::always("GET /v1/refunds", FaultKind::LockTimeout) };
    api.sim.add_fault(some);
    let mut limited = 0;
    for _ in 0..40 {
        limited += usize::from(api.get("/v1/refunds").await.status == 429);
        assert_eq!(api.get("/v1/charges").await.status, 200);
    }
    assert!(limited > 5 && limited < 35, "{limited}");
    assert_eq!(api.sim.faults()[0].hits, limited as u64);
    api.sim.clear_faults();
    assert_eq!(api.get("/v1/refunds").await.status, 200);
}

#[tokio::test]
async fn an_answer_can_be_scripted_byte_for_byte() {
    let api = Api::start().await;
    let answer = ScriptedAnswer::json(418, &json!({"id": "pi_1"}))
        .header("Stripe-Should-Retry", "false")
        .header("Request-Id", "req_mine");
    api.sim.add_fault(Fault::once("GET /v1/payment_intents/pi_1", FaultKind::Answer(answer)));
    let reply = api.get("/v1/payment_intents/pi_1").await;
    assert_eq!((reply.status, reply.text("/id")), (418, "pi_1"));
    assert_eq!(reply.header("stripe-should-retry"), Some("false"));
    assert_eq!(reply.header("request-id"), Some("req_mine"));
    assert_eq!(api.get("/v1/payment_intents/pi_1").await.status, 404, "it was for one request");
}

#[tokio::test]
async fn a_held_request_waits_for_the_test() {
    let api = Arc::new(Api::start().await);
    let send = |key: &'static str| {
        let api = Arc::clone(&api);
        tokio::spawn(async move { create(&api, key).await })
    };
    assert!(api.sim.try_next_held().is_none());
    api.sim.add_fault(Fault { times: Some(3), ..Fault::always(PAYMENTS, FaultKind::HoldBefore) });

    let first = send("proceeds");
    let held = api.sim.next_held().await;
    assert_eq!((held.method.as_str(), held.path.as_str()), ("POST", "/v1/payment_intents"));
    assert!(held.headers.contains(&("idempotency-key".to_owned(), "proceeds".to_owned())));
    assert_eq!(made(&api), 0, "it has not acted");
    assert!(held.proceed());
    assert_eq!(first.await.unwrap().unwrap().0, 200);

    let second = send("is answered");
    api.sim.next_held().await.answer(ScriptedAnswer::json(500, &json!({"mine": true})));
    assert_eq!(second.await.unwrap(), Some((500, json!({"mine": true}))));

    let third = send("is dropped");
    drop(api.sim.next_held().await);
    assert_eq!(third.await.unwrap(), None);
    assert_eq!(made(&api), 1);

    api.sim.add_fault(Fault::once(PAYMENTS, FaultKind::HoldAfter));
    let fourth = send("acts first");
    let held = api.sim.next_held().await;
    assert_eq!(made(&api), 2, "it has acted");
    assert_eq!(create(&api, "acts first").await.unwrap().0, 409, "and is not over");
    assert!(held.proceed());
    assert_eq!(fourth.await.unwrap().unwrap().0, 200);
}

#[tokio::test]
async fn faults_are_set_listed_and_ended_over_http() {
    let api = Arc::new(Api::start().await);
    let form = "endpoint=POST /v1/refunds&kind=lock_timeout&share=1&times=2";
    let id = api.post("/simulator/faults", form).await.body["id"].clone();
    assert_eq!(api.post("/v1/refunds", "").await.status, 429);
    let list = api.get("/simulator/faults").await.body;
    assert_eq!(
        list["data"][0],
        json!({"id": id, "endpoint": "POST /v1/refunds", "kind": "lock_timeout", "share": 1.0,
               "times": 1, "hits": 1})
    );
    let path = format!("/simulator/faults/{id}");
    assert_eq!(api.send("DELETE", &path, "", &[]).await.unwrap().status, 200);
    assert_eq!(api.send("DELETE", &path, "", &[]).await.unwrap().status, 404);
    assert_eq!(api.post("/v1/refunds", "").await.status, 400);

    let form = "endpoint=GET /v1/account&kind=answer&status=201&body={\"x\":1}&headers[x-own]=yes";
    api.post("/simulator/faults", form).await;
    let reply = api.get("/v1/account").await;
    assert_eq!((reply.status, reply.header("x-own")), (201, Some("yes")));
    assert_eq!(reply.body, json!({"x": 1}));
    api.send("DELETE", "/simulator/faults", "", &[]).await.unwrap();
    assert_eq!(api.get("/v1/account").await.status, 200);

    api.post("/simulator/faults", "endpoint=* /v1/account&kind=hold_before&times=1").await;
    let waiting = tokio::spawn({
        let api = Arc::clone(&api);
        async move { api.get("/v1/account").await.status }
    });
    let held = loop {
        let held = api.get("/simulator/held").await.body;
        if let Some(id) = held["data"][0]["id"].as_u64() {
            break id;
        }
    };
    let path = format!("/simulator/held/{held}");
    let released = api.post(&path, "action=answer&status=404&body={}").await;
    assert_eq!(released.body["released"], true);
    assert_eq!(waiting.await.unwrap(), 404);
    for bad in
        ["endpoint=*&kind=nonsense", "kind=unavailable", "endpoint=*&kind=unavailable&share=2"]
    {
        assert_eq!(api.post("/simulator/faults", bad).await.status, 400, "{bad}");
    }
}
