//! The customer portal: a link that signs a customer in is stored nowhere, and a repeated request gets another.

use serde_json::{Value, json};
use stripe_simulator::{Fault, FaultKind, Kind};

use super::app::{ApiApp, Reply};

const PATH: &str = "/v1/billing_portal/sessions";
const CREATE: &str = "POST /v1/billing_portal/sessions";

async fn start() -> (ApiApp, Value) {
    let api = ApiApp::with(&[
        ("QUITTANCE__API__RETURN_URLS", "https://shop.example"),
        ("QUITTANCE__STRIPE__TIMEOUT", "700ms"),
    ])
    .await;
    let customer = api.post("/v1/customers", "user-1", json!({"name": "Jane"})).await;
    let body = json!({"customer": customer.id(), "return_url": "https://shop.example/account"});
    (api, body)
}

async fn opened(api: &ApiApp, key: &str, body: &Value) -> Reply {
    let reply = api.post(PATH, key, body.clone()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.body["url"].as_str().unwrap().starts_with("https://"), "{reply:?}");
    reply
}

#[tokio::test]
async fn the_link_is_stored_nowhere_and_a_repeated_request_opens_another_session() {
    let (api, body) = start().await;
    let first = opened(&api, "visit-1", &body).await;
    assert_eq!(first.body["customer"], body["customer"]);
    assert_eq!(first.body["return_url"], "https://shop.example/account");
    let second = opened(&api, "visit-1", &body).await;
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    assert_ne!((second.id(), &second.body["url"]), (first.id(), &first.body["url"]));
    assert_eq!(second.body["command"], first.body["command"], "one command");
    assert_eq!(api.at_stripe(Kind::PortalSession).len(), 2);
    let other = api.post(PATH, "visit-1", json!({"customer": body["customer"]})).await;
    assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
    let stored = json!(api.stored().await).to_string();
    for reply in [&first, &second] {
        assert!(!stored.contains(reply.body["url"].as_str().unwrap()), "{stored}");
    }
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn whatever_breaks_the_customer_gets_a_link_with_the_same_key() {
    for fault in [
        FaultKind::TimeoutBefore,
        FaultKind::TimeoutAfter,
        FaultKind::ResetAfter,
        FaultKind::ErrorBefore,
        FaultKind::ErrorAfter,
    ] {
        let (api, body) = start().await;
        api.app.stripe().add_fault(Fault::once(CREATE, fault.clone()));
        let reply = api.post(PATH, "visit-1", body.clone()).await;
        assert_eq!(reply.status, 202, "{fault:?}: {reply:?}");
        for _ in 0..4 {
            api.time_passes().await;
            api.finish().await;
        }
        assert_eq!(api.stored().await[1]["state"], "done", "{fault:?}");
        opened(&api, "visit-1", &body).await;
        api.app.settled().await;
        api.stop().await;
    }
}

#[tokio::test]
async fn a_repetition_that_finds_stripe_away_says_to_come_again() {
    let (api, body) = start().await;
    opened(&api, "visit-1", &body).await;
    api.app.stripe().add_fault(Fault::once(CREATE, FaultKind::Unavailable));
    let away = api.post(PATH, "visit-1", body.clone()).await;
    assert_eq!((away.status, away.code()), (503, "stripe_unavailable"), "{away:?}");
    assert!(away.header("retry-after").is_some());
    opened(&api, "visit-1", &body).await;
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_visit_that_no_client_waits_for_any_more_is_given_up() {
    for fault in [FaultKind::ErrorBefore, FaultKind::Unavailable] {
        let (api, body) = start().await;
        api.app.stripe().add_fault(Fault::always(CREATE, fault.clone()));
        assert_eq!(api.post(PATH, "visit-1", body.clone()).await.status, 202, "{fault:?}");
        for _ in 0..4 {
            api.time_passes().await;
            api.commands.finish_due().await;
        }
        assert_ne!(api.stored().await[1]["state"], "refused", "{fault:?}: it may still be opened");
        let earlier = "UPDATE quittance.commands SET created_at = now() - interval '3 min'";
        api.app.db.execute(earlier).await;
        for _ in 0..4 {
            api.time_passes().await;
            api.commands.finish_due().await;
        }
        api.app.stripe().clear_faults();
        let late = api.post(PATH, "visit-1", body).await;
        assert_eq!((late.status, late.code()), (409, "not_sent"), "{fault:?}: {late:?}");
        api.app.settled().await;
        api.stop().await;
    }
}

#[tokio::test]
async fn the_customer_comes_back_to_an_address_of_ours_alone() {
    let (api, body) = start().await;
    for (url, code) in [
        ("https://evil.example", "return_url_not_allowed"),
        ("http://shop.example", "return_url_not_https"),
    ] {
        let mut bad = body.clone();
        bad["return_url"] = json!(url);
        let reply = api.post(PATH, "visit-1", bad).await;
        assert_eq!((reply.status, reply.code()), (400, code), "{reply:?}");
    }
    let nobody = api.post(PATH, "visit-1", json!({"customer": "cus_none"})).await;
    assert_eq!((nobody.status, nobody.code()), (400, "stripe_refused"), "{nobody:?}");
    assert_eq!(nobody.body["field"], "customer");
    assert_eq!(api.at_stripe(Kind::PortalSession).len(), 0);
    api.app.settled().await;
    api.stop().await;
}
