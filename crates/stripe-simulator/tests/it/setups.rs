//! Setup intents over HTTP.

use super::harness::Api;

#[tokio::test]
async fn a_setup_saves_its_method_with_the_customer() {
    let api = Api::start().await;
    let customer = api.customer().await;
    let form =
        format!("customer={customer}&payment_method_types[]=card&metadata[a]=b&description=x");
    let setup = api.post("/v1/setup_intents", &form).await;
    assert_eq!(setup.text("/status"), "requires_payment_method");
    assert_eq!((setup.text("/usage"), setup.text("/metadata/a")), ("off_session", "b"));
    assert!(setup.text("/client_secret").starts_with(setup.text("/id")));
    let path = format!("/v1/setup_intents/{}/confirm", setup.text("/id"));
    let declined = api.post(&path, "payment_method=pm_card_chargeDeclined").await;
    assert_eq!((declined.status, declined.text("/error/code")), (402, "card_declined"));
    assert_eq!(declined.text("/error/setup_intent/status"), "requires_payment_method");
    let done = api.post(&path, "payment_method=pm_card_visa").await;
    assert_eq!(done.text("/status"), "succeeded");
    let kept = api.get(&format!("/v1/payment_methods?customer={customer}&type=card")).await;
    assert_eq!(kept.ids(), [done.text("/payment_method")]);
    let again = api.post(&path, "payment_method=pm_card_visa").await;
    assert_eq!(again.text("/error/code"), "setup_intent_unexpected_state");
}

#[tokio::test]
async fn three_d_secure_of_a_setup_passes_or_fails() {
    let api = Api::start().await;
    let form =
        "confirm=true&return_url=https://a.test&payment_method=pm_card_authenticationRequired";
    for (outcome, status) in [("succeed", "succeeded"), ("fail", "requires_payment_method")] {
        let waiting = api.post("/v1/setup_intents", form).await;
        assert_eq!(waiting.text("/status"), "requires_action");
        let back = waiting.text("/next_action/redirect_to_url/return_url");
        assert_eq!(back, "https://a.test");
        let path = format!("/simulator/setup_intents/{}/three_d_secure", waiting.text("/id"));
        let ended = api.post(&path, &format!("outcome={outcome}")).await;
        assert_eq!(ended.text("/status"), status);
    }
}

#[tokio::test]
async fn a_setup_is_cancelled_for_a_reason_and_refuses_what_is_wrong() {
    let api = Api::start().await;
    for (form, param) in [
        ("customer=cus_none", "customer"),
        ("usage=sometimes", "usage"),
        ("return_url=https://a.test", "return_url"),
        ("confirm=true&payment_method=pm_card_visa", "return_url"),
        ("colour=blue", "colour"),
    ] {
        let reply = api.post("/v1/setup_intents", form).await;
        assert_eq!((reply.status, reply.text("/error/param")), (400, param), "{form}");
    }
    let setup = api.post("/v1/setup_intents", "usage=on_session").await;
    let path = format!("/v1/setup_intents/{}/cancel", setup.text("/id"));
    let ended = api.post(&path, "cancellation_reason=duplicate").await;
    assert_eq!(
        (ended.text("/status"), ended.text("/cancellation_reason")),
        ("canceled", "duplicate")
    );
}
