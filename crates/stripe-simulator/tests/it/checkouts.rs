//! Checkout sessions and sessions of the customer portal over HTTP.

use serde_json::json;

use super::harness::Api;

const DONE: &str = "success_url=https://a.test/done&cancel_url=https://a.test/back";
const INLINE: &str = "line_items[0][price_data][currency]=eur\
    &line_items[0][price_data][unit_amount]=1200&line_items[0][price_data][product_data][name]=Hat\
    &line_items[0][quantity]=2";

#[tokio::test]
async fn a_session_is_paid_on_its_page() {
    let api = Api::start().await;
    let customer = api.customer().await;
    let form = format!(
        "mode=payment&{DONE}&{INLINE}&customer={customer}&client_reference_id=7&metadata[a]=b\
         &payment_intent_data[transfer_data][destination]=acct_1&expand[]=line_items\
         &payment_intent_data[application_fee_amount]=200&payment_intent_data[metadata][c]=d"
    );
    let session = api.post("/v1/checkout/sessions", &form).await;
    assert_eq!(session.status, 200, "{}", session.body);
    assert_eq!(session.body["amount_total"], 2400);
    assert_eq!((session.text("/status"), session.text("/payment_status")), ("open", "unpaid"));
    assert_eq!(session.text("/success_url"), "https://a.test/done");
    assert!(session.text("/url").starts_with("https://checkout.stripe.com/"));
    assert_eq!(session.body["line_items"]["data"][0]["quantity"], 2);
    let id = session.text("/id");
    let done = api.post(&format!("/simulator/checkout/sessions/{id}/complete"), "").await;
    assert_eq!((done.text("/status"), done.text("/payment_status")), ("complete", "paid"));
    let path = format!("/v1/checkout/sessions/{id}?expand[]=payment_intent");
    let shown = api.get(&path).await;
    assert_eq!(shown.text("/payment_intent/metadata/c"), "d");
    assert_eq!(shown.text("/payment_intent/transfer_data/destination"), "acct_1");
    assert_eq!(shown.text("/metadata/a"), "b");
    let items = api.get(&format!("/v1/checkout/sessions/{id}/line_items")).await;
    assert_eq!(items.ids().len(), 1);
    let late = api.post(&format!("/v1/checkout/sessions/{id}/expire"), "").await;
    assert_eq!(late.status, 400);
}

#[tokio::test]
async fn a_session_begins_a_subscription_or_saves_a_card() {
    let api = Api::start().await;
    let price = api.price(true).await;
    let form = format!(
        "mode=subscription&{DONE}&line_items[0][price]={price}&subscription_data[metadata][a]=b"
    );
    let session = api.post("/v1/checkout/sessions", &form).await;
    let path = format!("/simulator/checkout/sessions/{}/complete", session.text("/id"));
    let done = api.post(&path, "payment_method=pm_card_authenticationRequired").await;
    assert_eq!(done.text("/payment_status"), "paid");
    let it = api.get(&format!("/v1/subscriptions/{}", done.text("/subscription"))).await;
    assert_eq!((it.text("/status"), it.text("/metadata/a")), ("active", "b"));
    assert_eq!(it.text("/latest_invoice"), done.text("/invoice"));

    let session =
        api.post("/v1/checkout/sessions", &format!("mode=setup&currency=eur&{DONE}")).await;
    let path = format!("/simulator/checkout/sessions/{}/complete", session.text("/id"));
    let done = api.post(&path, "").await;
    let setup = api.get(&format!("/v1/setup_intents/{}", done.text("/setup_intent"))).await;
    assert_eq!(setup.text("/status"), "succeeded");
}

#[tokio::test]
async fn a_session_expires_once_and_refuses_what_is_wrong() {
    let api = Api::start().await;
    let form = format!("mode=payment&{DONE}&{INLINE}");
    let session = api.post("/v1/checkout/sessions", &form).await;
    let path = format!("/v1/checkout/sessions/{}/expire", session.text("/id"));
    let gone = api.post(&path, "").await;
    assert_eq!((gone.text("/status"), &gone.body["url"]), ("expired", &json!(null)));
    assert_eq!(api.post(&path, "").await.status, 400);
    let (monthly, once) = (api.price(true).await, api.price(false).await);
    for (form, param) in [
        (format!("{DONE}&{INLINE}"), "mode"),
        (format!("mode=gift&{DONE}&{INLINE}"), "mode"),
        (format!("mode=payment&{DONE}"), "line_items"),
        (format!("mode=payment&{INLINE}"), "success_url"),
        (format!("mode=setup&{DONE}"), "currency"),
        (format!("mode=payment&{DONE}&line_items[0][price]=price_none"), "price"),
        (format!("mode=payment&{DONE}&line_items[0][price]={monthly}"), "line_items"),
        (format!("mode=subscription&{DONE}&line_items[0][price]={once}"), "line_items"),
        (format!("mode=setup&{DONE}&payment_intent_data[description]=x"), "payment_intent_data"),
        (format!("mode=payment&{DONE}&{INLINE}&customer=cus_none"), "customer"),
        (
            format!("mode=payment&{DONE}&line_items[0][price_data][currency]=eur"),
            "line_items[0][price_data][unit_amount]",
        ),
    ] {
        let reply = api.post("/v1/checkout/sessions", &form).await;
        assert_eq!((reply.status, reply.text("/error/param")), (400, param), "{form}");
    }
}

#[tokio::test]
async fn a_portal_session_is_opened_for_a_customer() {
    let api = Api::start().await;
    let customer = api.customer().await;
    let form = format!("customer={customer}&return_url=https://a.test");
    let session = api.post("/v1/billing_portal/sessions", &form).await;
    assert_eq!(session.text("/object"), "billing_portal.session");
    assert_eq!(session.text("/return_url"), "https://a.test");
    assert!(session.text("/url").starts_with("https://billing.stripe.com/"));
    let all = api.get("/simulator/objects?object=billing_portal.session").await;
    assert_eq!(all.ids(), [session.text("/id")]);
    let none = api.post("/v1/billing_portal/sessions", "customer=cus_none").await;
    assert_eq!((none.status, none.text("/error/param")), (400, "customer"));
    assert_eq!(api.post("/v1/billing_portal/sessions", "").await.text("/error/param"), "customer");
}
