//! Who may act, and how much they may move.

use quittance::http::auth::hash_of;
use serde_json::json;
use stripe_simulator::Kind;

use super::app::{ApiApp, Reply, payment};

pub(super) const TOKENS: &[(&str, &str)] = &[
    ("QUITTANCE__API__TOKENS__SHOP__HASH", SHOP_HASH),
    ("QUITTANCE__API__TOKENS__SHOP__SCOPES", "payments:write,read"),
    ("QUITTANCE__API__TOKENS__SHOP__MAX_AMOUNT", "eur:5000"),
    ("QUITTANCE__API__TOKENS__SHOP__MAX_DAILY", "eur:6000"),
    ("QUITTANCE__API__TOKENS__SHOP__DESTINATIONS", "acct_1"),
    ("QUITTANCE__API__TOKENS__DESK__HASH", DESK_HASH),
    ("QUITTANCE__API__TOKENS__DESK__SCOPES", "refunds:write"),
];
pub(super) const SHOP_HASH: &str =
    "sha256:c6b398649dad79b434abfdae74ec95fdb3d29c773658e13e09d209f197117301";
const DESK_HASH: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

pub(super) async fn ask(
    api: &ApiApp,
    token: &str,
    path: &str,
    key: &str,
    body: serde_json::Value,
) -> Reply {
    let token = format!("Bearer {token}");
    let headers = [
        ("authorization", token.as_str()),
        ("idempotency-key", key),
        ("content-type", "application/json"),
    ];
    api.send("POST", path, &headers, body.to_string()).await
}

#[tokio::test]
async fn a_token_may_do_what_its_scopes_and_amounts_say() {
    assert_eq!(hash_of(TOKEN), SHOP_HASH);
    let api = ApiApp::with(TOKENS).await;
    let none = api.pay("order-1", json!({})).await;
    assert_eq!((none.status, none.code()), (401, "unauthorized"));
    let wrong = ask(&api, "other", "/v1/payment_intents", "order-1", payment(json!({}))).await;
    assert_eq!((wrong.status, wrong.code()), (401, "unauthorized"));
    let pay = |key: &'static str, amount: i64| {
        ask(&api, TOKEN, "/v1/payment_intents", key, payment(json!({"amount": amount})))
    };
    let much = pay("order-1", 5001).await;
    assert_eq!((much.status, much.code()), (403, "amount_limit"), "{much:?}");
    assert_eq!(pay("order-1", 5000).await.status, 200);
    let daily = pay("order-2", 1001).await;
    assert_eq!((daily.status, daily.code()), (403, "amount_limit"), "{daily:?}");
    assert_eq!(pay("order-2", 1000).await.status, 200);
    let refund = json!({"payment_intent": "pi_1"});
    let refund = ask(&api, TOKEN, "/v1/refunds", "return-1", refund).await;
    assert_eq!((refund.status, refund.code()), (403, "forbidden"));
    let elsewhere = payment(json!({"transfer_data": {"destination": "acct_2"}, "amount": 1}));
    let elsewhere = ask(&api, TOKEN, "/v1/payment_intents", "order-3", elsewhere).await;
    assert_eq!((elsewhere.status, elsewhere.code()), (422, "destination_not_payable"));
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 2);
    assert_eq!(api.stored().await[0]["caller"], "shop");
    api.app.settled().await;
    api.stop().await;
}

/// What [`SHOP_HASH`] is the hash of.
pub(super) const TOKEN: &str = "qta_shop";

#[tokio::test]
async fn a_session_that_begins_a_subscription_takes_the_scope_of_subscriptions() {
    let api = ApiApp::with(SESSIONS).await;
    let session = |mode: &str, recurring: serde_json::Value| {
        json!({
            "mode": mode, "success_url": "https://shop.example/thanks",
            "line_items": [{"quantity": 1, "price_data": {
                "currency": "eur", "unit_amount": 900, "product_data": {"name": "Tea"},
                "recurring": recurring,
            }}],
        })
    };
    let subscription = || session("subscription", json!({"interval": "month"}));
    let payment = || session("payment", json!(null));
    let path = "/v1/checkout/sessions";
    for (token, body, status) in [
        (TOKEN, subscription(), 403),
        (PLANS, payment(), 403),
        (TOKEN, payment(), 200),
        (PLANS, subscription(), 200),
    ] {
        let mode = body["mode"].clone();
        let reply = ask(&api, token, path, &format!("session-{status}-{mode}"), body).await;
        assert_eq!(reply.status, status, "{token} {mode}: {reply:?}");
        if status == 403 {
            assert_eq!(reply.code(), "forbidden");
        }
    }
    assert_eq!(api.at_stripe(Kind::CheckoutSession).len(), 2);
    api.app.settled().await;
    api.stop().await;
}

/// `qta_shop` may take payments, `qta_plans` may make subscriptions.
const SESSIONS: &[(&str, &str)] = &[
    ("QUITTANCE__API__RETURN_URLS", "https://shop.example"),
    ("QUITTANCE__API__TOKENS__SHOP__HASH", SHOP_HASH),
    ("QUITTANCE__API__TOKENS__SHOP__SCOPES", "payments:write,read"),
    (
        "QUITTANCE__API__TOKENS__PLANS__HASH",
        "sha256:a06455776d25b526d82a07e0cfb90e474192252d24ca468ed7598b2789cd54a7",
    ),
    ("QUITTANCE__API__TOKENS__PLANS__SCOPES", "subscriptions:write"),
];
const PLANS: &str = "qta_plans";

#[tokio::test]
async fn without_a_token_only_programs_of_this_machine_come_in() {
    let api = ApiApp::start().await;
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example")] {
        let headers =
            [(name, value), ("idempotency-key", "order-1"), ("content-type", "application/json")];
        let body = payment(json!({})).to_string();
        let reply = api.send("POST", "/v1/payment_intents", &headers, body).await;
        assert_eq!((reply.status, reply.code()), (421, "wrong_host"), "{name}");
    }
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 0);
    api.stop().await;
}
