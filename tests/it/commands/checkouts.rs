//! Checkout sessions and setups: each made once, and what completes it in a browser is stored nowhere.

use serde_json::{Value, json};
use stripe_simulator::{AccountStep, Fault, FaultKind, Kind};

use super::app::{ApiApp, Reply, post};
use crate::harness::within;

const PATH: &str = "/v1/checkout/sessions";
const SETUPS: &str = "/v1/setup_intents";

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

#[tokio::test]
async fn a_session_is_made_once_and_its_url_is_stored_nowhere() {
    let api = start().await;
    let first = open(&api, "order-42", json!({})).await;
    let at_stripe = api.at_stripe(Kind::CheckoutSession);
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
    assert_eq!(api.at_stripe(Kind::CheckoutSession).len(), 1);

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

/// A path that creates, the request, and the kind of what it makes.
fn creates() -> [(&'static str, Value, Kind); 2] {
    [(PATH, mugs(json!({})), Kind::CheckoutSession), (SETUPS, json!({}), Kind::SetupIntent)]
}

/// The command is done, one object is at Stripe, and each repetition is answered by it.
async fn ends_as_one(api: &ApiApp, path: &str, body: &Value, kind: Kind) -> Reply {
    api.time_passes().await;
    api.finish().await;
    let commands = api.stored().await;
    assert_eq!(commands[0]["state"], "done", "{commands:?}");
    let reply = api.post(path, "order-42", body.clone()).await;
    assert_eq!((reply.status, reply.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(api.post(path, "order-42", body.clone()).await.body, reply.body);
    let at_stripe = api.at_stripe(kind);
    assert_eq!(at_stripe.len(), 1, "{at_stripe:?}");
    assert_eq!(reply.body["id"], at_stripe[0]["id"]);
    for secret in ["url", "client_secret"] {
        assert_eq!(reply.body[secret], at_stripe[0][secret], "{secret}");
    }
    api.app.stripe().set_auto_deliver(true);
    api.app.stripe().release();
    api.app.settled().await;
    api.app.is_true().await;
    reply
}

#[tokio::test]
async fn whatever_breaks_on_the_way_there_is_one_session_and_one_setup() {
    for (path, body, kind) in creates() {
        for fault in [
            FaultKind::ResetBefore,
            FaultKind::ResetAfter,
            FaultKind::TimeoutBefore,
            FaultKind::TimeoutAfter,
            FaultKind::Unavailable,
            FaultKind::KeyInUse,
        ] {
            let api = start().await;
            api.app.stripe().add_fault(Fault::once(format!("POST {path}"), fault.clone()));
            let reply = api.post(path, "order-42", body.clone()).await;
            assert_eq!(reply.status, 202, "{path} {fault:?}: {reply:?}");
            ends_as_one(&api, path, &body, kind).await;
            api.stop().await;
        }
    }
}

/// Stripe keeps a 500 under the key of a command, which is to be looked up from then on.
async fn stored_500(api: &ApiApp, path: &str, body: &Value, fault: FaultKind) {
    api.app.stripe().add_fault(Fault::once(format!("POST {path}"), fault));
    let reply = api.post(path, "order-42", body.clone()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    api.time_passes().await;
    api.commands.finish_due().await;
    assert_eq!(api.stored().await[0]["lookup"], true);
}

async fn the_lists_are_up_to_date(api: &ApiApp) {
    let earlier = "UPDATE quittance.commands SET last_sent_at = now() - interval '6 min'";
    api.app.db.execute(earlier).await;
}

#[tokio::test]
async fn a_stored_500_is_looked_up_in_the_lists() {
    for (path, body, kind) in creates() {
        let api = start().await;
        api.app.stripe().set_auto_deliver(false);
        stored_500(&api, path, &body, FaultKind::ErrorAfter).await;
        the_lists_are_up_to_date(&api).await;
        ends_as_one(&api, path, &body, kind).await;
        let sent = api.app.stripe().stats().requests_to(Some(&format!("POST {path}")));
        assert_eq!(sent, 2, "{path}: no third create");
        api.stop().await;
    }
}

#[tokio::test]
async fn a_stored_500_is_looked_up_by_what_the_webhook_brought() {
    for (path, body, kind) in creates() {
        let api = start().await;
        stored_500(&api, path, &body, FaultKind::ErrorAfter).await;
        if kind == Kind::CheckoutSession {
            // The first webhook of a session says that it is over.
            let session = &api.at_stripe(kind)[0];
            let id = session["id"].as_str().unwrap();
            api.app.stripe().platform().expire_checkout(id).unwrap();
        }
        api.app.settled().await;
        ends_as_one(&api, path, &body, kind).await;
        let sent = api.app.stripe().stats().requests_to(Some(&format!("POST {path}")));
        assert_eq!(sent, 2, "{path}: no third create");
        let listed = api.app.stripe().stats().requests_to(Some(&format!("GET {path}")));
        assert_eq!(listed, 0, "{path}: its row says it");
        api.stop().await;
    }
}

#[tokio::test]
async fn what_is_proved_absent_is_sent_anew_with_another_key() {
    for (path, body, kind) in creates() {
        let api = start().await;
        stored_500(&api, path, &body, FaultKind::ErrorBefore).await;
        let key = api.stored().await[0]["stripe_key"].clone();
        assert_eq!(api.at_stripe(kind), [] as [Value; 0]);
        the_lists_are_up_to_date(&api).await;
        ends_as_one(&api, path, &body, kind).await;
        assert_ne!(api.stored().await[0]["stripe_key"], key);
        api.stop().await;
    }
}

#[tokio::test]
async fn the_same_purchase_under_a_new_key_is_the_same_session() {
    let api = start().await;
    let reference = json!({"reference": "order-42"});
    let first = open(&api, "try-1", reference.clone()).await;
    let second = open(&api, "try-2", reference.clone()).await;
    assert_eq!((second.id(), &second.body["url"]), (first.id(), &first.body["url"]));
    let at_stripe = api.at_stripe(Kind::CheckoutSession);
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
async fn a_session_that_is_completed_while_it_is_to_be_expired_stays_complete() {
    let api = start().await;
    let session = open(&api, "order-42", json!({})).await;
    let expire = format!("{PATH}/{}/expire", session.id());
    let stripe = api.app.stripe();
    stripe.set_auto_deliver(false);
    let call = "POST /v1/checkout/sessions/{id}/expire";
    stripe.add_fault(Fault::once(call, FaultKind::HoldBefore));
    let (address, path) = (api.address, expire.clone());
    let asking = tokio::spawn(async move { post(address, &path, "expire-1", json!({})).await });
    let held = within("the request", stripe.next_held()).await;
    stripe.platform().complete_checkout(session.id(), "pm_card_visa").unwrap();
    held.proceed();
    let reply = within("the answer", asking).await.unwrap();
    assert_eq!((reply.status, reply.code()), (409, "status_forbids"), "{reply:?}");
    let rows = api.app.db.rows("SELECT * FROM app.checkout_sessions").await;
    assert_eq!(rows[0]["status"], "complete", "the row shows it before any webhook");
    let again = api.post(&expire, "expire-1", json!({})).await;
    assert_eq!((again.status, &again.body), (409, &reply.body), "final for its key");
    stripe.set_auto_deliver(true);
    stripe.release();
    api.app.settled().await;
    assert_eq!(api.app.told(session.id()).await, ["checkout.completed", "checkout.paid"]);
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn an_expiry_is_told_once_by_its_answer_and_its_webhook() {
    for webhook_first in [true, false] {
        let api = start().await;
        let session = open(&api, "order-42", json!({})).await;
        let expire = format!("{PATH}/{}/expire", session.id());
        let stripe = api.app.stripe();
        stripe.set_auto_deliver(webhook_first);
        let call = "POST /v1/checkout/sessions/{id}/expire";
        stripe.add_fault(Fault::once(call, FaultKind::HoldAfter));
        let address = api.address;
        let asking = tokio::spawn(async move { post(address, &expire, "e", json!({})).await });
        let held = within("the request", stripe.next_held()).await;
        if webhook_first {
            api.app.settled().await;
        }
        held.proceed();
        let reply = within("the answer", asking).await.unwrap();
        assert_eq!((reply.status, &reply.body["status"]), (200, &json!("expired")), "{reply:?}");
        stripe.set_auto_deliver(true);
        stripe.release();
        api.app.settled().await;
        assert_eq!(api.app.told(session.id()).await, ["checkout.expired"], "{webhook_first}");
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
    assert_eq!(api.at_stripe(Kind::CheckoutSession).len(), 0);
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
    assert_eq!(early.body["field"], "payment_intent_data.transfer_data.destination");
    assert_eq!(api.at_stripe(Kind::CheckoutSession).len(), 0);
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
    let mut both = new.clone();
    both["allowed_payment_method_types"] = json!(["card"]);
    let both = api.post(SETUPS, "save-1", both).await;
    assert_eq!((both.status, both.code()), (400, "parameters_conflict"), "{both:?}");
    let first = api.post(SETUPS, "save-1", new.clone()).await;
    assert_eq!((first.status, &first.body["usage"]), (200, &json!("on_session")), "{first:?}");
    let at_stripe = api.at_stripe(Kind::SetupIntent);
    assert_eq!(at_stripe.len(), 1);
    assert_eq!(first.body["client_secret"], at_stripe[0]["client_secret"]);
    assert_eq!(at_stripe[0]["payment_method_types"], json!(["card"]));
    let again = api.post(SETUPS, "save-1", new).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(api.at_stripe(Kind::SetupIntent).len(), 1);
    let secret = first.body["client_secret"].as_str().unwrap();
    assert!(!json!(api.stored().await).to_string().contains(secret));
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}
