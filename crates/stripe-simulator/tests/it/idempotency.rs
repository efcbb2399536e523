//! Idempotency keys, over HTTP.

use std::time::Duration;

use stripe_simulator::Kind;

use super::harness::{Api, until};

const FORM: &str = "amount=2000&currency=eur";

#[tokio::test]
async fn the_same_key_answers_the_same_and_does_nothing_again() {
    let api = Api::start().await;
    let key = [("idempotency-key", "k1")];
    let first = api.send("POST", "/v1/payment_intents", FORM, &key).await.unwrap();
    let other_order = "currency=eur&amount=2000";
    let again = api.send("POST", "/v1/payment_intents", other_order, &key).await.unwrap();
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.header("original-request"), first.header("request-id"));
    assert_eq!(api.sim.truth(Kind::PaymentIntent).len(), 1);
    assert_eq!(api.event_types(), ["payment_intent.created"]);
}

#[tokio::test]
async fn the_same_key_with_other_parameters_is_refused() {
    let api = Api::start().await;
    let key = [("idempotency-key", "k1")];
    api.send("POST", "/v1/payment_intents", FORM, &key).await.unwrap();
    let other = "amount=2001&currency=eur";
    let reply = api.send("POST", "/v1/payment_intents", other, &key).await.unwrap();
    assert_eq!((reply.status, reply.text("/error/type")), (400, "idempotency_error"));
}

#[tokio::test]
async fn a_declined_card_and_a_500_are_answered_again_and_a_refused_request_is_not() {
    let api = Api::start().await;
    let send = async |key: &str, form: &str| {
        let key = [("idempotency-key", key)];
        api.send("POST", "/v1/payment_intents", form, &key).await.unwrap()
    };
    let declined = "amount=100&currency=eur&confirm=true&payment_method_types[]=card\
        &payment_method=pm_card_chargeDeclined";
    assert_eq!(send("declined", declined).await.status, 402);
    assert_eq!(send("declined", declined).await.header("idempotent-replayed"), Some("true"));

    api.sim.set_chaos(|chaos| chaos.server_errors = 1.0);
    assert_eq!(send("broken", FORM).await.status, 500);
    api.sim.set_chaos(|chaos| chaos.server_errors = 0.0);
    assert_eq!(send("broken", FORM).await.status, 500, "Stripe keeps a 500 too");

    assert_eq!(send("typo", "currency=eur").await.status, 400);
    assert_eq!(send("typo", FORM).await.status, 200, "it never began to run");
}

#[tokio::test]
async fn events_name_the_request_and_its_key() {
    let api = Api::start().await;
    let key = [("idempotency-key", "k1")];
    let made = api.send("POST", "/v1/payment_intents", FORM, &key).await.unwrap();
    let event = api.get("/v1/events").await;
    assert_eq!(event.text("/data/0/request/id"), made.header("request-id").unwrap());
    assert_eq!(event.text("/data/0/request/idempotency_key"), "k1");
}

#[tokio::test]
async fn a_key_is_in_use_until_its_first_request_is_over_and_then_answers_again() {
    let api = std::sync::Arc::new(Api::start().await);
    api.sim.set_chaos(|chaos| {
        chaos.slow = 1.0;
        chaos.slow_by = Duration::from_secs(3600);
    });
    // Half of the slow requests take effect at once and are only answered late.
    let waiting: Vec<_> = (0..8)
        .map(|n| {
            let api = std::sync::Arc::clone(&api);
            tokio::spawn(async move {
                let form = format!("{FORM}&metadata[n]={n}");
                let key = format!("k{n}");
                let key = [("idempotency-key", key.as_str())];
                api.send("POST", "/v1/payment_intents", &form, &key).await
            })
        })
        .collect();
    until(|| !api.sim.truth(Kind::PaymentIntent).is_empty()).await;
    api.sim.set_chaos(|chaos| chaos.slow = 0.0);
    let payment = api.sim.truth(Kind::PaymentIntent).remove(0);
    let n = payment["metadata"]["n"].as_str().unwrap();
    let (form, key) = (format!("{FORM}&metadata[n]={n}"), format!("k{n}"));
    let key = [("idempotency-key", key.as_str())];
    let running = api.send("POST", "/v1/payment_intents", &form, &key).await.unwrap();
    assert_eq!((running.status, running.text("/error/code")), (409, "idempotency_key_in_use"));

    for task in waiting {
        task.abort();
    }
    // The client has given up; the server sees that a moment later.
    loop {
        let reply = api.send("POST", "/v1/payment_intents", &form, &key).await.unwrap();
        if reply.status == 200 {
            assert_eq!(reply.text("/id"), payment["id"]);
            assert_eq!(reply.header("idempotent-replayed"), Some("true"));
            break;
        }
        assert_eq!(reply.status, 409);
    }
}

#[tokio::test]
async fn a_refusal_of_a_request_that_began_is_answered_again() {
    let api = Api::start().await;
    let payment = api.paid();
    let send = async |key: &str, form: &str| {
        api.send("POST", "/v1/refunds", form, &[("idempotency-key", key)]).await.unwrap()
    };
    let much = format!("payment_intent={payment}&amount=2001");
    let refused = send("k", &much).await;
    assert_eq!((refused.status, refused.header("idempotent-replayed")), (400, None));
    let again = send("k", &much).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (400, Some("true")));
    let other = send("k", &format!("payment_intent={payment}&amount=1")).await;
    assert_eq!(other.text("/error/type"), "idempotency_error");
    let long = send(&"k".repeat(256), &much).await;
    assert_eq!((long.status, long.header("idempotent-replayed")), (400, None));
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_or_a_set_time_of_the_clock() {
    let api = Api::start().await;
    let key = [("idempotency-key", "k")];
    let create = async || api.send("POST", "/v1/payment_intents", FORM, &key).await.unwrap();
    let first = create().await;
    api.sim.clock().advance(24 * 3600 - 10);
    assert_eq!(create().await.body, first.body);
    api.sim.clock().advance(10);
    let second = create().await;
    assert_ne!(second.text("/id"), first.text("/id"), "the same request acts anew");
    api.post("/simulator/chaos", "keys_kept_seconds=60").await;
    api.post("/simulator/clock", "advance=60").await;
    assert_ne!(create().await.text("/id"), second.text("/id"));
    assert_eq!(api.sim.truth(Kind::PaymentIntent).len(), 3);
}
