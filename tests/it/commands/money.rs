//! What goes back never exceeds what came, and money goes only where it may.

use serde_json::{Value, json};
use stripe_simulator::{AccountStep, Fault, FaultKind, Kind};

use super::app::{ApiApp, post, saved};
use crate::harness::within;

async fn refund(api: &ApiApp, key: &str, payment: &str, more: Value) -> super::app::Reply {
    let mut body = json!({ "payment_intent": payment });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    api.post("/v1/refunds", key, body).await
}

#[tokio::test]
async fn partial_refunds_add_up_and_the_last_takes_what_is_left() {
    let api = ApiApp::start().await;
    let paid = api.paid("order-1").await;
    for key in ["return-1", "return-2"] {
        let reply = refund(&api, key, paid.id(), json!({"amount": 600})).await;
        assert_eq!((reply.status, &reply.body["amount"]), (200, &json!(600)), "{reply:?}");
    }
    let again = refund(&api, "return-2", paid.id(), json!({"amount": 600})).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(
        api.at_stripe(Kind::Refund).len(),
        2,
        "equal amounts are no duplicates; equal keys are"
    );
    let much = refund(&api, "return-3", paid.id(), json!({"amount": 801})).await;
    assert_eq!((much.status, much.code()), (422, "refund_exceeds_left"), "{much:?}");
    let rest =
        refund(&api, "return-4", paid.id(), json!({"reason": "requested_by_customer"})).await;
    assert_eq!((rest.status, &rest.body["amount"]), (200, &json!(800)), "{rest:?}");
    let none = refund(&api, "return-5", paid.id(), json!({})).await;
    assert_eq!((none.status, none.code()), (422, "refund_exceeds_left"));
    api.app.settled().await;
    let shown = api.get(&format!("/v1/payment_intents/{}", paid.id())).await;
    assert_eq!(shown.body["refunds"].as_array().unwrap().len(), 3);
    assert_eq!(shown.body["amount_refunded"], 2000);
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn of_two_refunds_at_once_that_together_exceed_one_is_refused() {
    let api = ApiApp::start().await;
    let paid = api.paid("order-1").await;
    // The first is at Stripe, unanswered, while the second is asked for.
    api.app.stripe().set_auto_deliver(false);
    api.app.stripe().add_fault(Fault::once("POST /v1/refunds", FaultKind::HoldBefore));
    let address = api.address;
    let body = json!({"payment_intent": paid.id(), "amount": 1500});
    let first = tokio::spawn(async move { post(address, "/v1/refunds", "return-1", body).await });
    let held = within("the refund", api.app.stripe().next_held()).await;
    let second = refund(&api, "return-2", paid.id(), json!({"amount": 501})).await;
    assert_eq!((second.status, second.code()), (422, "refund_exceeds_left"), "{second:?}");
    let fits = refund(&api, "return-3", paid.id(), json!({"amount": 500})).await;
    assert_eq!(fits.status, 200, "{fits:?}");
    held.proceed();
    assert_eq!(within("the first", first).await.unwrap().status, 200);
    let sum: i64 =
        api.at_stripe(Kind::Refund).iter().map(|refund| refund["amount"].as_i64().unwrap()).sum();
    assert_eq!(sum, 2000);
    api.app.stripe().set_auto_deliver(true);
    api.app.stripe().release();
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn many_refunds_at_once_never_give_back_more_than_was_paid() {
    let api = ApiApp::start().await;
    let paid = api.paid("order-1").await;
    let keys: Vec<_> = (0..12).map(|n| format!("return-{n}")).collect();
    let all = keys.iter().map(|key| refund(&api, key, paid.id(), json!({"amount": 300})));
    let all = within("all answers", futures_util::future::join_all(all)).await;
    let done = all.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(done, 6, "six of 300 fit into 2000: {all:?}");
    let refused = all.iter().filter(|reply| reply.code() == "refund_exceeds_left").count();
    assert_eq!(refused, 6, "the rule refuses, and not Stripe");
    assert_eq!(api.app.stripe().stats().requests_to(Some("POST /v1/refunds")), 6);
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_one_refund_one_row_and_one_notification() {
    let api = ApiApp::with(&[("QUITTANCE__STRIPE__TIMEOUT", "700ms")]).await;
    let paid = api.paid("order-1").await;
    api.app.stripe().add_fault(Fault::once("POST /v1/refunds", FaultKind::TimeoutAfter));
    let reply = refund(&api, "return-1", paid.id(), json!({"amount": 500})).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    api.app.settled().await;
    api.time_passes().await;
    api.finish().await;
    let again = refund(&api, "return-1", paid.id(), json!({"amount": 500})).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(api.at_stripe(Kind::Refund).len(), 1);
    assert_eq!(api.app.db.count("app.refunds").await, 1);
    assert_eq!(api.app.told(again.id()).await, ["refund.succeeded"]);
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn a_charge_is_refunded_as_its_payment() {
    let api = ApiApp::start().await;
    let paid = api.paid("order-1").await;
    api.app.settled().await;
    let charge = paid.body["latest_charge"].as_str().unwrap();
    let reply = api.post("/v1/refunds", "return-1", json!({"charge": charge, "amount": 500})).await;
    assert_eq!((reply.status, &reply.body["payment_intent"]), (200, &paid.body["id"]), "{reply:?}");
    let much = refund(&api, "return-2", paid.id(), json!({"amount": 1501})).await;
    assert_eq!(much.code(), "refund_exceeds_left");
    let none = refund(&api, "return-3", "pi_nowhere", json!({})).await;
    assert_eq!((none.status, none.code()), (404, "not_found"), "{none:?}");
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn money_goes_only_to_an_account_that_can_receive_it() {
    let api = ApiApp::start().await;
    let stripe = api.app.stripe();
    let seller = stripe.platform().connect_new().unwrap();
    let id = seller.id().to_owned();
    let to = |key: &'static str| {
        let body = json!({"transfer_data": {"destination": id}, "application_fee_amount": 100});
        api.pay(key, body)
    };
    let early = to("order-1").await;
    assert_eq!((early.status, early.code()), (422, "destination_not_payable"), "{early:?}");
    assert_eq!(early.body["field"], "transfer_data.destination");
    assert!(early.body["detail"].as_str().unwrap().contains("external_account"), "{early:?}");
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 0);

    seller.move_account(AccountStep::Onboarded).unwrap();
    api.app.settled().await;
    let paid = to("order-1").await;
    assert_eq!(paid.status, 200, "{paid:?}");
    assert_eq!(api.at_stripe(Kind::PaymentIntent)[0]["transfer_data"]["destination"], id.as_str());

    let nowhere = json!({"transfer_data": {"destination": "acct_nowhere"}});
    let nowhere = api.pay("order-2", nowhere).await;
    assert_eq!((nowhere.status, nowhere.code()), (422, "destination_not_payable"), "{nowhere:?}");
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_rule_is_checked_before_stripe_is_asked() {
    let api = ApiApp::with(&[("QUITTANCE__API__RETURN_URLS", "https://shop.example")]).await;
    for (more, status, code, field) in [
        (json!({"amount": 0}), 422, "amount_too_small", "amount"),
        (json!({"amount": 19.99}), 400, "amount_not_integer", "amount"),
        (json!({"currency": "EUR"}), 400, "currency_invalid", "currency"),
        (
            json!({"metadata": {"quittance_command": "x"}}),
            400,
            "metadata_invalid",
            "metadata.quittance_command",
        ),
        (
            json!({"confirm": true, "payment_method": "pm_card_visa"}),
            400,
            "return_url_required",
            "return_url",
        ),
        (
            json!({"confirm": true, "payment_method": "pm_card_visa", "return_url": "https://evil.example"}),
            400,
            "return_url_not_allowed",
            "return_url",
        ),
        (json!({"payment_methods": ["card"]}), 400, "invalid_request", "payment_methods"),
        (
            json!({"payment_method_types": ["card"], "automatic_payment_methods": {"enabled": true}}),
            400,
            "parameters_conflict",
            "payment_method_types",
        ),
        (
            json!({"payment_method_types": ["card"], "allowed_payment_method_types": ["card"]}),
            400,
            "parameters_conflict",
            "payment_method_types",
        ),
    ] {
        let reply = api.pay("order-1", more.clone()).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{more}: {reply:?}");
        assert_eq!(reply.body["field"], field, "{more}: {reply:?}");
    }
    assert_eq!(api.app.requests(), 0);
    assert_eq!(api.app.db.count("quittance.commands").await, 0);
    let mut good = saved("pm_card_visa");
    good["return_url"] = json!("https://shop.example/thanks");
    good["automatic_payment_methods"] = json!({"enabled": true});
    assert_eq!(api.pay("order-1", good).await.status, 200, "the key is not used up");
    for name in ["payment_method_types", "allowed_payment_method_types"] {
        let card = api.pay(name, json!({ name: ["card"] })).await;
        assert_eq!(card.status, 200, "{card:?}");
        let at_stripe = api.at_stripe(Kind::PaymentIntent);
        let made = at_stripe.iter().find(|one| one["id"] == card.body["id"]).unwrap();
        assert_eq!(made["payment_method_types"], json!(["card"]));
    }
    api.app.settled().await;
    api.stop().await;
}
