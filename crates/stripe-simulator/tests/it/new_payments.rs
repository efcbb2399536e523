//! Parameters of a new payment over HTTP, and its refusals.

use super::harness::{Api, Reply};

const NEW: &str = "amount=2000&currency=eur";
const CARD: &str = "&payment_method_types[]=card";

async fn create(api: &Api, form: &str) -> Reply {
    api.post("/v1/payment_intents", form).await
}

#[tokio::test]
async fn what_is_given_is_shown() {
    let api = Api::start().await;
    let customer = api.customer().await;
    let form = format!(
        "{NEW}&customer={customer}&capture_method=manual&setup_future_usage=off_session\
         &transfer_data[destination]=acct_1&application_fee_amount=150&on_behalf_of=acct_1\
         &receipt_email=a@b.test&description=Order 7&statement_descriptor_suffix=ORDER 7\
         &metadata[order]=7&metadata[cart]=x"
    );
    let made = create(&api, &form).await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(made.text("/status"), "requires_payment_method");
    for (pointer, value) in [
        ("/customer", customer.as_str()),
        ("/capture_method", "manual"),
        ("/setup_future_usage", "off_session"),
        ("/transfer_data/destination", "acct_1"),
        ("/on_behalf_of", "acct_1"),
        ("/receipt_email", "a@b.test"),
        ("/description", "Order 7"),
        ("/statement_descriptor_suffix", "ORDER 7"),
        ("/metadata/order", "7"),
        ("/automatic_payment_methods/allow_redirects", "always"),
    ] {
        assert_eq!(made.text(pointer), value);
    }
    assert_eq!(made.body["application_fee_amount"], 150);
    let secret = made.text("/client_secret");
    assert!(secret.starts_with(&format!("{}_secret_", made.text("/id"))), "{secret}");
}

#[tokio::test]
async fn bad_parameters_are_refused_by_name_and_leave_nothing() {
    let api = Api::start().await;
    for (form, param) in [
        ("currency=eur", "amount"),
        ("amount=2000", "currency"),
        ("amount=19.99&currency=eur", "amount"),
        ("amount=0&currency=eur", "amount"),
        ("amount=49&currency=eur", "amount"),
        ("amount=100000000&currency=eur", "amount"),
        ("amount=2000&currency=euro", "currency"),
        (&format!("{NEW}&receipt_email=nobody"), "receipt_email"),
        (
            &format!("{NEW}&statement_descriptor_suffix=ABCDEFGHIJKLMNOPQRSTUVW"),
            "statement_descriptor_suffix",
        ),
        (&format!("{NEW}&statement_descriptor_suffix=A*B"), "statement_descriptor_suffix"),
        (&format!("{NEW}&setup_future_usage=later"), "setup_future_usage"),
        (&format!("{NEW}&capture_method=never"), "capture_method"),
        (&format!("{NEW}&transfer_data[destination]=cus_1"), "transfer_data[destination]"),
        (
            &format!("{NEW}&application_fee_amount=3000&transfer_data[destination]=acct_1"),
            "application_fee_amount",
        ),
        (&format!("{NEW}&application_fee_amount=1"), "application_fee_amount"),
        (&format!("{NEW}&off_session=true"), "off_session"),
        (&format!("{NEW}&return_url=https://a.test"), "return_url"),
        (&format!("{NEW}&customer=cus_none"), "customer"),
        (&format!("{NEW}&payment_method_types[]=cowries"), "payment_method_types"),
        (
            &format!("{NEW}&automatic_payment_methods[enabled]=true{CARD}"),
            "automatic_payment_methods",
        ),
        (&format!("{NEW}&metadata[{}]=1", "k".repeat(41)), "metadata"),
    ] {
        let reply = create(&api, form).await;
        assert_eq!(
            (reply.status, reply.text("/error/type")),
            (400, "invalid_request_error"),
            "{form}"
        );
        assert_eq!(reply.text("/error/param"), param, "{form}");
    }
    assert!(api.event_types().is_empty());
}

#[tokio::test]
async fn confirming_with_automatic_methods_needs_a_return_url_or_no_redirects() {
    let api = Api::start().await;
    let confirm = format!("{NEW}&confirm=true&payment_method=pm_card_visa");
    let refused = create(&api, &confirm).await;
    assert_eq!((refused.status, refused.text("/error/param")), (400, "return_url"));
    assert!(refused.text("/error/message").contains("`return_url` must be specified"));
    assert!(api.event_types().is_empty(), "nothing was made");
    for more in [
        "&return_url=https://a.test",
        "&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never",
        CARD,
    ] {
        assert_eq!(create(&api, &format!("{confirm}{more}")).await.text("/status"), "succeeded");
    }
    let made = create(&api, NEW).await;
    let path = format!("/v1/payment_intents/{}/confirm", made.text("/id"));
    let refused = api.post(&path, "payment_method=pm_card_visa").await;
    assert_eq!((refused.status, refused.text("/error/param")), (400, "return_url"));
    let form = "payment_method=pm_card_visa&return_url=https://a.test";
    assert_eq!(api.post(&path, form).await.text("/status"), "succeeded");
}

#[tokio::test]
async fn a_saved_card_is_charged_off_session_with_its_customer_alone() {
    let api = Api::start().await;
    let (customer, other) = (api.customer().await, api.customer().await);
    let card = api.saved("pm_card_visa", &customer).await;
    let form = format!("{NEW}{CARD}&confirm=true&off_session=true&payment_method={card}");
    let paid = create(&api, &format!("{form}&customer={customer}")).await;
    assert_eq!((paid.text("/status"), paid.text("/payment_method")), ("succeeded", card.as_str()));
    for form in [form.clone(), format!("{form}&customer={other}")] {
        let refused = create(&api, &form).await;
        assert_eq!((refused.status, refused.text("/error/param")), (400, "payment_method"));
    }
}

#[tokio::test]
async fn a_card_is_kept_where_the_payment_says_so() {
    let api = Api::start().await;
    let customer = api.customer().await;
    let form = format!(
        "{NEW}{CARD}&confirm=true&payment_method=pm_card_visa&setup_future_usage=off_session\
         &customer={customer}"
    );
    let paid = create(&api, &form).await;
    let kept = api.get(&format!("/v1/customers/{customer}/payment_methods")).await;
    assert_eq!(kept.ids(), [paid.text("/payment_method")]);
    let away = create(&api, &format!("{form}&off_session=true")).await;
    assert_eq!((away.status, away.text("/error/param")), (400, "off_session"));
}

#[tokio::test]
async fn off_session_authentication_brings_the_customer_back_to_the_same_payment() {
    let api = Api::start().await;
    let customer = api.customer().await;
    let card = api.saved("pm_card_authenticationRequired", &customer).await;
    let form = format!(
        "{NEW}{CARD}&customer={customer}&confirm=true&off_session=true&payment_method={card}"
    );
    let refused = create(&api, &form).await;
    assert_eq!((refused.status, refused.text("/error/code")), (402, "authentication_required"));
    assert_eq!(refused.text("/error/payment_method/id"), card);
    assert_eq!(refused.text("/error/payment_intent/status"), "requires_payment_method");
    let id = refused.text("/error/payment_intent/id");
    assert!(refused.text("/error/payment_intent/client_secret").starts_with(id));

    let path = format!("/v1/payment_intents/{id}/confirm");
    let back = api.post(&path, &format!("payment_method={card}")).await;
    assert_eq!(back.text("/status"), "requires_action");
    let path = format!("/simulator/payment_intents/{id}/three_d_secure");
    assert_eq!(api.post(&path, "outcome=succeed").await.text("/status"), "succeeded");
}

#[tokio::test]
async fn a_capture_is_at_most_what_was_authorised_and_a_cancelled_payment_takes_none() {
    let api = Api::start().await;
    let form =
        format!("{NEW}{CARD}&confirm=true&payment_method=pm_card_visa&capture_method=manual");
    let held = create(&api, &form).await;
    let path = format!("/v1/payment_intents/{}", held.text("/id"));
    let much = api.post(&format!("{path}/capture"), "amount_to_capture=2001").await;
    assert_eq!((much.status, much.text("/error/code")), (400, "amount_too_large"));
    let wrong = api.post(&format!("{path}/cancel"), "cancellation_reason=bored").await;
    assert_eq!((wrong.status, wrong.text("/error/param")), (400, "cancellation_reason"));
    let form = "cancellation_reason=requested_by_customer";
    assert_eq!(api.post(&format!("{path}/cancel"), form).await.text("/status"), "canceled");
    let late = api.post(&format!("{path}/capture"), "").await;
    assert_eq!(late.text("/error/code"), "payment_intent_unexpected_state");
}
