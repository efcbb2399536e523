//! Requests that never become a command are refused in one shape: a problem document with a stable code.

use serde_json::{Value, json};

use super::app::{ApiApp, Reply, payment};

const JSON: &[(&str, &str)] =
    &[("idempotency-key", "order-1"), ("content-type", "application/json")];

#[track_caller]
fn is_a_problem(reply: &Reply, status: u16, code: &str, what: &str) {
    assert_eq!((reply.status, reply.code()), (status, code), "{what}: {reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}");
    assert_eq!(reply.body["status"], status, "{what}");
    assert!(reply.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{what}");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_request_the_refusal_is_a_problem_document() {
    let api = ApiApp::start().await;
    let pay = "/v1/payment_intents";
    let good = payment(json!({})).to_string();
    let form =
        [("idempotency-key", "order-1"), ("content-type", "application/x-www-form-urlencoded")];
    let untyped = [("idempotency-key", "order-1")];
    let large = payment(json!({"description": "x".repeat(65 * 1024)})).to_string();
    let cut = &good[..good.len() - 1];
    for (method, path, headers, body, status, code, what) in [
        ("POST", pay, JSON, cut, 400, "invalid_request", "JSON that is cut off"),
        ("POST", pay, JSON, "", 400, "invalid_request", "no body"),
        ("POST", pay, JSON, "[]", 400, "invalid_request", "a list"),
        ("POST", pay, JSON, "\u{feff}{}", 400, "invalid_request", "a byte order mark"),
        ("POST", pay, &form[..], "amount=2000", 415, "not_json", "a form"),
        ("POST", pay, &untyped[..], good.as_str(), 415, "not_json", "no content type"),
        ("POST", pay, JSON, large.as_str(), 413, "body_too_large", "a large body"),
        ("GET", "/", &[], "", 404, "not_found", "the root"),
        ("GET", "/v1/payment_intent", &[], "", 404, "not_found", "no such path"),
        ("POST", "/v1/payment_intents/", JSON, good.as_str(), 404, "not_found", "a slash more"),
        ("POST", "/v2/payment_intents", JSON, good.as_str(), 404, "not_found", "no such version"),
        ("DELETE", pay, &[], "", 405, "method_not_allowed", "no such method"),
        ("GET", "/v1/refunds", &[], "", 405, "method_not_allowed", "a path that only takes POST"),
        ("POST", "/v1/openapi.json", JSON, "{}", 405, "method_not_allowed", "a document"),
        (
            "GET",
            "/v1/payment_intents/pi_%FF",
            &[],
            "",
            400,
            "invalid_request",
            "a path that is no text",
        ),
        ("POST", "/v1/payment_intents/%FF/capture", JSON, "{}", 400, "invalid_request", "the same"),
        ("GET", "/v1/commands/not-an-id", &[], "", 404, "not_found", "no such command"),
        ("GET", pay, &[], "", 400, "invalid_request", "a parameter is missing"),
        (
            "GET",
            "/v1/payment_intents?reference=a&x=1",
            &[],
            "",
            400,
            "invalid_request",
            "a parameter more",
        ),
        (
            "GET",
            "/v1/payment_intents/pi_1?refresh=maybe",
            &[],
            "",
            400,
            "invalid_request",
            "no boolean",
        ),
        ("GET", "/v1/commands?state=lost", &[], "", 400, "invalid_request", "no such state"),
    ] {
        let reply = api.send(method, path, headers, body).await;
        is_a_problem(&reply, status, code, what);
    }
    let wrong = api.send("DELETE", pay, &[], "").await;
    assert!(wrong.header("allow").is_some_and(|allow| allow.contains("POST")), "{wrong:?}");
    assert_eq!(api.app.requests(), 0, "Stripe was not asked");
    assert_eq!(api.stored().await, [] as [Value; 0]);
    let typed =
        [("idempotency-key", "order-1"), ("content-type", "Application/JSON ; charset=utf-8")];
    let reply = api.send("POST", pay, &typed, good).await;
    assert_eq!(reply.status, 200, "a content type in other words: {reply:?}");
    api.app.settled().await;
    api.stop().await;
}
