//! A reference is the business identity: the same purchase under a new key is the same payment.

use serde_json::json;
use stripe_simulator::Kind;

use super::app::{ApiApp, saved};

#[tokio::test]
async fn the_same_purchase_under_a_new_key_is_the_same_payment() {
    let api = ApiApp::start().await;
    let never = json!({"enabled": true, "allow_redirects": "never"});
    let new = json!({"reference": "order-42", "automatic_payment_methods": never});
    let first = api.pay("session-1", new).await;
    let second = api.pay("session-2", json!({"reference": "order-42"})).await;
    assert_eq!((second.status, second.id()), (200, first.id()), "{second:?}");
    assert_eq!(second.body["client_secret"], first.body["client_secret"]);
    let dear = api.pay("session-3", json!({"reference": "order-42", "amount": 2001})).await;
    assert_eq!((dear.status, dear.code()), (409, "reference_differs"));
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 1);
    let found = api.get("/v1/payment_intents?reference=order-42").await;
    assert_eq!((found.status, found.id()), (200, first.id()));

    let path = format!("/v1/payment_intents/{}/confirm", first.id());
    let confirm = json!({"payment_method": "pm_card_visa", "off_session": true});
    let paid = api.post(&path, "confirm-1", confirm).await;
    assert_eq!(paid.body["status"], "succeeded", "{paid:?}");
    let late = api.pay("session-4", json!({"reference": "order-42"})).await;
    assert_eq!((late.status, late.code()), (409, "reference_paid"), "{late:?}");
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 1);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_cancelled_payment_gives_its_reference_back() {
    let api = ApiApp::start().await;
    let first = api.pay("session-1", json!({"reference": "order-42"})).await;
    let path = format!("/v1/payment_intents/{}/cancel", first.id());
    assert_eq!(api.post(&path, "cancel-1", json!({})).await.status, 200);
    let second = api.pay("session-2", json!({"reference": "order-42"})).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_ne!(second.id(), first.id());
    let replay = api.pay("session-1", json!({"reference": "order-42"})).await;
    assert_eq!(replay.id(), first.id(), "a key keeps its answer");
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_declined_purchase_goes_on_as_the_same_payment() {
    let api = ApiApp::start().await;
    let mut new = saved("pm_card_chargeDeclined");
    new["reference"] = json!("order-42");
    let declined = api.pay("try-1", new).await;
    assert_eq!(declined.status, 402, "{declined:?}");
    let next = api.pay("try-2", json!({"reference": "order-42"})).await;
    assert_eq!((next.status, &next.body["id"]), (200, &declined.body["payment_intent"]));
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 1);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn two_first_purchases_at_once_make_one_customer() {
    let api = ApiApp::start().await;
    let new = json!({"reference": "user-7", "email": "jane@example.com", "name": "Jane"});
    let (a, b) = tokio::join!(
        api.post("/v1/customers", "key-a", new.clone()),
        api.post("/v1/customers", "key-b", new.clone()),
    );
    let one = if a.status == 200 { &a } else { &b };
    assert_eq!(one.status, 200, "{a:?} {b:?}");
    let again = api.post("/v1/customers", "key-c", new).await;
    assert_eq!((again.status, again.id()), (200, one.id()));
    for reply in [&a, &b] {
        let same = reply.status == 200 && reply.id() == one.id();
        assert!(same || reply.code() == "command_in_progress", "{reply:?}");
    }
    assert_eq!(api.at_stripe(Kind::Customer).len(), 1);
    api.app.settled().await;
    api.stop().await;
}
