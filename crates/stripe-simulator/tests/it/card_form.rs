//! The card form: what a customer does in it, without a script and without a key.

use stripe_simulator::{Kind, NewPayment, NewSetup};

use super::harness::Api;

/// A payment that waits for a card: its id, and where its form is.
fn waiting(api: &Api) -> (String, String) {
    let new = NewPayment { amount: 2000, currency: "eur".into(), ..NewPayment::default() };
    let made = api.sim.platform().create_payment(new).unwrap();
    let secret = made["client_secret"].as_str().unwrap();
    (made["id"].as_str().unwrap().to_owned(), format!("/simulator/card?client_secret={secret}"))
}

/// The number of the form that a page shows.
fn form_in(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"form\" value=\"").unwrap_or_else(|| panic!("{page}"));
    rest.split('"').next().unwrap().to_owned()
}

async fn fill_in(api: &Api, place: &str, more: &str) -> String {
    let (status, _, page) = api.page("GET", place, "").await;
    assert_eq!(status, 200);
    let form = format!("form={}&{more}", form_in(&page));
    let (status, leads, _) = api.page("POST", place, &form).await;
    assert_eq!(status, 303, "{more}");
    api.page("GET", &leads, "").await.2
}

fn typed(number: &str) -> String {
    format!("number={number}&expiry=12+/+34&cvc=123")
}

fn status(api: &Api, id: &str) -> String {
    let all = api.sim.truth(Kind::PaymentIntent);
    let found = all.iter().find(|it| it["id"] == id).unwrap();
    found["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_card_does_what_it_does_at_stripe() {
    let api = Api::start().await;
    for (card, says, becomes) in [
        ("4242+4242+4242+4242", "Your bank has approved it.", "succeeded"),
        ("4000000000000002", "Your card was declined.", "requires_payment_method"),
        ("4000-0000-0000-9995", "Your card has insufficient funds.", "requires_payment_method"),
        ("4000002500003155", "3-D Secure", "requires_action"),
        ("4000000000003220", "3-D Secure", "requires_action"),
    ] {
        let (id, place) = waiting(&api);
        let page = fill_in(&api, &place, &typed(card)).await;
        assert!(page.contains(says), "{card}: {page}");
        assert_eq!(status(&api, &id), becomes, "{card}");
    }
}

#[tokio::test]
async fn three_d_secure_is_completed_or_fails_and_can_be_tried_again() {
    let api = Api::start().await;
    let (id, place) = waiting(&api);
    fill_in(&api, &place, "test_card=4000000000003220").await;
    let page = fill_in(&api, &place, "three_d_secure=fail").await;
    assert!(page.contains("failed authentication"), "{page}");
    assert_eq!(status(&api, &id), "requires_payment_method");
    fill_in(&api, &place, "test_card=4000000000003220").await;
    fill_in(&api, &place, "three_d_secure=succeed").await;
    assert_eq!(status(&api, &id), "succeeded");
}

#[tokio::test]
async fn a_form_that_is_sent_twice_acts_once() {
    let api = Api::start().await;
    let (id, place) = waiting(&api);
    let page = api.page("GET", &place, "").await.2;
    let form = format!("form={}&{}", form_in(&page), typed("4000000000000002"));
    for _ in 0..2 {
        let (status, leads, _) = api.page("POST", &place, &form).await;
        assert_eq!((status, leads.is_empty()), (303, false));
    }
    assert_eq!(api.sim.truth(Kind::Charge).len(), 1, "the bank was asked once");
    assert_eq!(status(&api, &id), "requires_payment_method");
}

#[tokio::test]
async fn what_cannot_be_a_card_is_said_and_asks_no_bank() {
    let api = Api::start().await;
    let (_, place) = waiting(&api);
    for (more, says) in [
        (typed("4111111111111112"), "number is none of the test cards"),
        ("number=4242424242424242&expiry=13/34&cvc=123".to_owned(), "expiration date"),
        ("number=4242424242424242&expiry=12/34&cvc=1x3".to_owned(), "security code"),
    ] {
        let page = api.page("GET", &place, "").await.2;
        let form = format!("form={}&{more}", form_in(&page));
        let (status, _, page) = api.page("POST", &place, &form).await;
        assert_eq!(status, 400, "{more}");
        assert!(page.contains(says), "{page}");
    }
    assert_eq!(api.sim.truth(Kind::Charge).len(), 0);
}

#[tokio::test]
async fn a_card_is_saved() {
    let api = Api::start().await;
    let made = api.sim.platform().create_setup(NewSetup::default()).unwrap();
    let place =
        format!("/simulator/card?client_secret={}", made["client_secret"].as_str().unwrap());
    let page = fill_in(&api, &place, "test_card=4000002500003155").await;
    assert!(page.contains("3-D Secure"), "{page}");
    let page = fill_in(&api, &place, "three_d_secure=succeed").await;
    assert!(page.contains("Your card is saved."), "{page}");
}

#[tokio::test]
async fn without_its_secret_there_is_no_form_whoever_asks() {
    let api = Api::start().await;
    let (id, _) = waiting(&api);
    for secret in [String::new(), id.clone(), format!("{id}_secret_wrong")] {
        let place = format!("/simulator/card?client_secret={secret}");
        assert_eq!(api.page("GET", &place, "").await.0, 404, "{secret}");
        assert_eq!(api.page("POST", &place, &typed("4242424242424242")).await.0, 404, "{secret}");
    }
    assert_eq!(status(&api, &id), "requires_payment_method");
}
