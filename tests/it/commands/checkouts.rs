//! Checkout sessions and setups: each made once, and what completes it in a browser is stored nowhere.

use serde_json::{Value, json};
use stripe_simulator::{AccountStep, Fault, FaultKind, Kind};

use super::app::{ApiApp, Reply, send};

const PATH: &str = "/v1/checkout/sessions";
const CREATE: &str = "POST /v1/checkout/sessions";

async fn start() -> ApiApp {
    ApiApp::with(&[
        ("QUITTANCE__API__RETURN_URLS", "https://shop.example"),
        ("QUITTANCE__STRIPE__TIMEOUT", "700ms"),
    ])
    .await
}

/// Four mugs, 20.00 EUR.
fn mugs(more: Value) -> Value {
    let mut all = json!({
        "mode": "payment",
        "success_url": "https://shop.example/thanks",
        "cancel_url": "https://shop.example/cart",
        "line_items": [{
            "price_data": {"currency": "eur", "unit_amount": 500, "product_data": {"name": "Mug"}},
            "quantity": 4,
        }],
        "metadata": {"order": "42"},
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
        all.extend(more);
    }
    all
}

async fn open(api: &ApiApp, key: &str, more: Value) -> Reply {
    let reply = api.post(PATH, key, mugs(more)).await;
    assert_eq!((reply.status, &reply.body["status"]), (200, &json!("open")), "{reply:?}");
    reply
}

/// What Stripe has, also of sessions that have had no event yet.
async fn sessions(api: &ApiApp) -> Vec<Value> {
    let stripe = api.app.stripe();
    let address = stripe.base_url().trim_start_matches("http://").parse().unwrap();
    let key = format!("Bearer {}", stripe.secret_key());
    let headers = [("authorization", key.as_str())];
    let path = "/v1/checkout/sessions?limit=100";
    let reply = send(address, "GET", path, &headers, Vec::new()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_session_is_made_once_and_its_url_is_stored_nowhere() {
    let api = start().await;
    let first = open(&api, "order-42", json!({})).await;
    let at_stripe = sessions(&api).await;
    assert_eq!(at_stripe.len(), 1);
    assert_eq!(first.body["url"], at_stripe[0]["url"]);
    assert_eq!(first.body["amount_total"], 2000);
    let rows = api.app.db.rows("SELECT * FROM app.checkout_sessions").await;
    assert_eq!(rows[0]["stripe_checkout_session_id"], first.body["id"], "before the answer");

    let again = open(&api, "order-42", json!({})).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.body, first.body);
    let other = api.post(PATH, "order-42", mugs(json!({"cancel_url": null}))).await;
    assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
    assert_eq!(sessions(&api).await.len(), 1);

    api.app.settled().await;
    api.app.is_true().await;
    let url = first.body["url"].as_str().unwrap();
    let commands = api.stored().await;
    let raw = api.app.db.rows("SELECT * FROM quittance.objects").await;
    for stored in [&commands, &rows, &raw] {
        assert!(!json!(stored).to_string().contains(url), "{stored:?}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_recurring_price_is_subscribed_to_and_a_method_is_saved() {
    let api = start().await;
    let monthly = json!([{"price_data": {
        "currency": "eur", "unit_amount": 900, "product_data": {"name": "Tea"},
        "recurring": {"interval": "month"},
    }}]);
    let customer = api.post("/v1/customers", "user-1", json!({"email": "jane@example.com"})).await;
    let customer = customer.id().to_owned();
    let tea = json!({"mode": "subscription", "line_items": monthly, "customer": customer});
    let tea = open(&api, "tea", tea).await;
    assert_eq!(
        (&tea.body["mode"], &tea.body["customer"]),
        (&json!("subscription"), &json!(customer))
    );
    let save = json!({"mode": "setup", "line_items": [], "currency": "eur", "customer": customer});
    let save = open(&api, "save", save).await;
    assert_eq!(save.body["mode"], "setup");
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn an_unknown_outcome_ends_as_one_session() {
    for fault in [FaultKind::ResetAfter, FaultKind::TimeoutAfter, FaultKind::TimeoutBefore] {
        let api = start().await;
        api.app.stripe().add_fault(Fault::once(CREATE, fault.clone()));
        let reply = api.post(PATH, "order-42", mugs(json!({}))).await;
        assert_eq!(reply.status, 202, "{fault:?}: {reply:?}");
        api.time_passes().await;
        api.finish().await;
        let reply = open(&api, "order-42", json!({})).await;
        let at_stripe = sessions(&api).await;
        assert_eq!(at_stripe.len(), 1, "{fault:?}");
        assert_eq!(reply.body["url"], at_stripe[0]["url"], "{fault:?}");
        api.app.settled().await;
        api.app.is_true().await;
        api.stop().await;
    }
}

/// Stripe repeats its 500, so the object is looked up: by the webhook, or in the list.
async fn is_looked_up(path: &'static str, body: Value, kind: Kind, webhook: bool) {
    let api = start().await;
    api.app.stripe().set_auto_deliver(webhook);
    let create = if kind == Kind::SetupIntent { "POST /v1/setup_intents" } else { CREATE };
    api.app.stripe().add_fault(Fault::once(create, FaultKind::ErrorAfter));
    let reply = api.post(path, "order-42", body.clone()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    if webhook {
        api.app.settled().await;
    }
    api.time_passes().await;
    api.commands.finish_due().await;
    assert_eq!(api.stored().await[0]["lookup"], true);
    if !webhook {
        let earlier = "UPDATE quittance.commands SET last_sent_at = now() - interval '6 min'";
        api.app.db.execute(earlier).await;
    }
    api.time_passes().await;
    api.finish().await;
    let reply = api.post(path, "order-42", body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let at_stripe = match kind {
        Kind::CheckoutSession => sessions(&api).await,
        _ => api.at_stripe(kind),
    };
    assert_eq!(at_stripe.len(), 1);
    assert_eq!(reply.body["id"], at_stripe[0]["id"]);
    assert_eq!(api.app.stripe().stats().requests_to(Some(create)), 2, "no third create");
    api.app.stripe().set_auto_deliver(true);
    api.app.stripe().release();
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_stored_500_of_a_session_is_looked_up() {
    // The session's creation has no webhook.
    is_looked_up(PATH, mugs(json!({})), Kind::CheckoutSession, false).await;
}

#[tokio::test]
async fn a_stored_500_of_a_setup_is_looked_up() {
    for webhook in [true, false] {
        is_looked_up("/v1/setup_intents", json!({}), Kind::SetupIntent, webhook).await;
    }
}

#[tokio::test]
async fn the_same_purchase_under_a_new_key_is_the_same_session() {
    let api = start().await;
    let reference = json!({"reference": "order-42"});
    let first = open(&api, "try-1", reference.clone()).await;
    let second = open(&api, "try-2", reference.clone()).await;
    assert_eq!((second.id(), &second.body["url"]), (first.id(), &first.body["url"]));
    let at_stripe = sessions(&api).await;
    assert_eq!((at_stripe.len(), &at_stripe[0]["client_reference_id"]), (1, &json!("order-42")));

    let dear = json!({"reference": "order-42", "line_items": [{"price_data": {
        "currency": "eur", "unit_amount": 501, "product_data": {"name": "Mug"}}, "quantity": 4}]});
    let dear = api.post(PATH, "try-3", mugs(dear)).await;
    assert_eq!((dear.status, dear.code()), (409, "reference_differs"), "{dear:?}");

    let expire = format!("{PATH}/{}/expire", first.id());
    let expired = api.post(&expire, "expire-1", json!({})).await;
    assert_eq!((expired.status, &expired.body["status"]), (200, &json!("expired")), "{expired:?}");
    assert!(expired.body.get("url").is_none(), "{expired:?}");
    let third = open(&api, "try-4", reference.clone()).await;
    assert_ne!(third.id(), first.id(), "an expired session gives its reference back");

    let platform = api.app.stripe().platform();
    platform.complete_checkout(third.id(), "pm_card_visa").unwrap();
    api.app.settled().await;
    let late = api.post(PATH, "try-5", mugs(reference)).await;
    assert_eq!((late.status, late.code()), (409, "reference_paid"), "{late:?}");
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn a_session_is_expired_once_whatever_breaks() {
    for fault in [FaultKind::TimeoutAfter, FaultKind::ErrorAfter, FaultKind::ErrorBefore] {
        let api = start().await;
        let session = open(&api, "order-42", json!({})).await;
        let expire = format!("{PATH}/{}/expire", session.id());
        let call = "POST /v1/checkout/sessions/{id}/expire";
        api.app.stripe().add_fault(Fault::once(call, fault.clone()));
        let reply = api.post(&expire, "expire-1", json!({})).await;
        assert_eq!(reply.status, 202, "{fault:?}: {reply:?}");
        for _ in 0..3 {
            api.time_passes().await;
            api.finish().await;
        }
        let reply = api.post(&expire, "expire-1", json!({})).await;
        assert_eq!((reply.status, &reply.body["status"]), (200, &json!("expired")), "{fault:?}");
        let again = api.post(&expire, "expire-2", json!({})).await;
        assert_eq!((again.status, again.code()), (409, "status_forbids"), "{again:?}");
        api.app.settled().await;
        api.app.is_true().await;
        api.stop().await;
    }
}

#[tokio::test]
async fn a_session_is_checked_before_stripe_is_asked() {
    let api = start().await;
    let half =
        json!([{"price_data": {"currency": "eur", "unit_amount": 4.99, "product": "prod_1"}}]);
    for (more, status, code, field) in [
        (
            json!({"success_url": "https://evil.example"}),
            400,
            "return_url_not_allowed",
            "success_url",
        ),
        (json!({"cancel_url": "http://shop.example"}), 400, "return_url_not_https", "cancel_url"),
        (json!({"line_items": half}), 400, "amount_not_integer", "unit_amount"),
        (json!({"mode": "subscription"}), 400, "parameters_conflict", "line_items"),
        (json!({"x": 1}), 400, "invalid_request", "x"),
        (json!({"metadata": {"a": "4242 4242 4242 4242"}}), 400, "card_data", "metadata.a"),
    ] {
        let reply = api.post(PATH, "order-42", mugs(more.clone())).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{more}: {reply:?}");
        assert_eq!(reply.body["field"], field, "{more}");
    }
    let gone = api.post(&format!("{PATH}/cs_test_gone/expire"), "expire-1", json!({})).await;
    assert_eq!((gone.status, gone.code()), (404, "not_found"), "{gone:?}");
    assert_eq!(sessions(&api).await.len(), 0);
    assert!(api.stored().await.is_empty());
    api.stop().await;
}

#[tokio::test]
async fn a_session_pays_only_an_account_that_can_receive_it() {
    let api = start().await;
    let seller = api.app.stripe().platform().connect_new().unwrap();
    let data = json!({"payment_intent_data": {
        "transfer_data": {"destination": seller.id()}, "application_fee_amount": 100}});
    let early = api.post(PATH, "order-1", mugs(data.clone())).await;
    assert_eq!((early.status, early.code()), (422, "destination_not_payable"), "{early:?}");
    seller.move_account(AccountStep::Onboarded).unwrap();
    api.app.settled().await;
    let session = open(&api, "order-1", data).await;
    api.app.stripe().platform().complete_checkout(session.id(), "pm_card_visa").unwrap();
    let paid = &api.at_stripe(Kind::PaymentIntent)[0];
    assert_eq!(paid["transfer_data"]["destination"], seller.id());
    assert_eq!(paid["metadata"]["quittance_command"], session.body["command"]);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_setup_is_made_once_and_its_secret_is_asked_for_again() {
    let api = start().await;
    let customer = api.post("/v1/customers", "user-1", json!({"email": "jane@example.com"})).await;
    let new = json!({
        "customer": customer.id(), "usage": "on_session", "payment_method_types": ["card"],
    });
    let first = api.post("/v1/setup_intents", "save-1", new.clone()).await;
    assert_eq!((first.status, &first.body["usage"]), (200, &json!("on_session")), "{first:?}");
    let at_stripe = api.at_stripe(Kind::SetupIntent);
    assert_eq!(at_stripe.len(), 1);
    assert_eq!(first.body["client_secret"], at_stripe[0]["client_secret"]);
    assert_eq!(at_stripe[0]["payment_method_types"], json!(["card"]));
    let again = api.post("/v1/setup_intents", "save-1", new).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(api.at_stripe(Kind::SetupIntent).len(), 1);
    let secret = first.body["client_secret"].as_str().unwrap();
    assert!(!json!(api.stored().await).to_string().contains(secret));
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}
