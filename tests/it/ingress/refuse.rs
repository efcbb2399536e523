//! Refused requests. Nothing of them reaches the queue.

use super::app::SECRET;
use super::{App, Webhook};
use crate::harness::webhook::{event, now, sign};

#[tokio::test]
async fn what_is_not_signed_as_it_should_be_is_refused_in_one_word() {
    let app = App::start().await;
    let body = event("evt_1", false);
    let signature = sign(SECRET, now(), &body);
    let with = |signature: &str| Webhook::new(body.clone()).header("Stripe-Signature", signature);
    let good = format!("t={},v1={signature}", now());
    let mut changed = with(&good);
    changed.body[10] ^= 1;
    let old = now() - 301;
    for (webhook, word, result) in [
        (Webhook::new(body.clone()), "signature", "signature_missing"),
        (with(&good).header("Stripe-Signature", &good), "signature", "signature_missing"),
        (with("nonsense"), "signature", "signature_malformed"),
        (with(&format!("v1={signature}")), "signature", "signature_malformed"),
        (with(&format!("t={},v0={signature}", now())), "signature", "signature_without_v1"),
        (Webhook::signed(body.clone(), "whsec_other"), "signature", "signature_mismatch"),
        (changed, "signature", "signature_mismatch"),
        (with(&format!("t={},v1={signature}", now() + 1)), "signature", "signature_mismatch"),
        (with(&format!("t={old},v1={}", sign(SECRET, old, &body))), "stale", "signature_stale"),
        (Webhook::signed("not json", SECRET), "malformed", "not_an_event"),
        (Webhook::signed("", SECRET), "malformed", "not_an_event"),
        (
            Webhook::signed(r#"{"object":"charge","id":"ch_1"}"#, SECRET),
            "malformed",
            "not_an_event",
        ),
    ] {
        let answer = app.post(&webhook).await;
        assert_eq!((answer.status, &*answer.body), (400, word), "{:?}", webhook.headers);
        assert!(app.metrics().contains(&format!(r#"result="{result}"}}"#)), "{result}");
    }
    assert_eq!(app.bodies().await.len(), 0);
    app.counted(r#"quittance_webhooks_total{endpoint="default",result="signature_mismatch"} 3"#);
    app.counted(r#"quittance_webhooks_total{endpoint="default",result="signature_stale"} 1"#);
    app.counted(r#"quittance_webhooks_total{endpoint="default",result="not_an_event"} 3"#);
}

#[tokio::test]
async fn a_time_to_come_is_no_reason_to_refuse() {
    let app = App::start().await;
    let (body, t) = (event("evt_1", false), now() + 3600);
    let signature = format!("t={t},v1={}", sign(SECRET, t, &body));
    let early = Webhook::new(body).header("Stripe-Signature", &signature);
    assert_eq!(app.post(&early).await.status, 200);
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_usable() {
    let app = App::start().await;
    let mut client = app.client().await;
    let good = Webhook::signed(event("evt_1", false), SECRET);
    let unsigned = Webhook::new(event("evt_1", false));
    assert_eq!(client.post(&unsigned).await.status, 400);
    assert_eq!(client.post(&good.clone().to("/webhooks/stripe/nope")).await.status, 404);
    assert_eq!(client.post(&good).await.status, 200);
}

#[tokio::test]
async fn an_endpoint_that_is_not_configured_is_not_found() {
    let app = App::with("[endpoints.empty]\nmode = \"any\"").await;
    for path in ["/webhooks/stripe/nope", "/webhooks/stripe/empty", "/webhooks/stripe/%ff"] {
        let answer = app.post(&Webhook::signed(event("evt_1", false), SECRET).to(path)).await;
        assert_eq!((answer.status, &*answer.body), (404, "endpoint"), "{path}");
    }
    app.counted(r#"quittance_webhooks_total{endpoint="",result="unknown_endpoint"} 3"#);
    assert!(!app.metrics().contains("nope"), "a stranger's word is no label");
    assert_eq!(app.bodies().await.len(), 0);
}

#[tokio::test]
async fn elsewhere_there_is_nothing_and_it_says_so_in_json() {
    let app = App::start().await;
    for path in ["/", "/webhooks", "/webhooks/stripe/", "/webhooks/stripe/a/b", "/metrics"] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(
            answer.body,
            r#"{"error":{"code":"not_found","message":"There is nothing at this path."}}"#
        );
    }
}

#[tokio::test]
async fn another_method_is_refused_with_the_one_that_is_meant() {
    let app = App::start().await;
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        for path in ["/webhooks/stripe", "/webhooks/stripe/default"] {
            let answer = app.client().await.request(method, path).await;
            assert_eq!(answer.status, 405);
            assert!(answer.headers.contains("allow: post"), "{}", answer.headers);
        }
    }
}
