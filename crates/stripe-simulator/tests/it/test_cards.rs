//! The cards of the sandbox (docs.stripe.com, "Testing").

use stripe_simulator::{CardBehaviour, test_cards};

use super::harness::{Api, Reply};

const NEW: &str =
    "amount=2000&currency=eur&confirm=true&payment_method_types[]=card&payment_method=";

async fn pay(api: &Api, card: &str) -> Reply {
    api.post("/v1/payment_intents", &format!("{NEW}{card}")).await
}

#[tokio::test]
async fn every_declined_card_answers_402_with_its_codes() {
    let api = Api::start().await;
    let mut seen = 0;
    for card in test_cards() {
        let CardBehaviour::Declines(why) = card.behaviour else { continue };
        let reply = pay(&api, card.token).await;
        assert_eq!((reply.status, reply.text("/error/type")), (402, "card_error"), "{card:?}");
        assert_eq!(reply.text("/error/code"), why.code);
        assert_eq!(reply.body["error"]["decline_code"].as_str(), why.decline_code, "{card:?}");
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

#[tokio::test]
async fn stripes_own_names_decline_as_stripe_documents() {
    let api = Api::start().await;
    for (card, code, decline_code) in [
        ("pm_card_visa_chargeDeclined", "card_declined", Some("generic_decline")),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            Some("insufficient_funds"),
        ),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", Some("lost_card")),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", Some("stolen_card")),
        ("pm_card_radarBlock", "card_declined", Some("fraudulent")),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
        ("pm_card_decline_do_not_honor", "card_declined", Some("do_not_honor")),
    ] {
        let reply = pay(&api, card).await;
        assert_eq!((reply.status, reply.text("/error/code")), (402, code), "{card}");
        assert_eq!(reply.body["error"]["decline_code"].as_str(), decline_code, "{card}");
    }
}

#[tokio::test]
async fn three_d_secure_can_pass_and_the_bank_still_say_no() {
    let api = Api::start().await;
    let card = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds";
    let waiting = pay(&api, card).await;
    assert_eq!(waiting.text("/status"), "requires_action");
    let path = format!("/simulator/payment_intents/{}/three_d_secure", waiting.text("/id"));
    let ended = api.post(&path, "outcome=succeed").await;
    assert_eq!(ended.text("/status"), "requires_payment_method");
    assert_eq!(ended.text("/last_payment_error/decline_code"), "insufficient_funds");
}

#[tokio::test]
async fn a_card_that_was_set_up_once_needs_no_second_authentication() {
    let api = Api::start().await;
    let customer = api.customer().await;
    let form = format!(
        "customer={customer}&payment_method_types[]=card&confirm=true\
         &payment_method=pm_card_authenticationRequiredOnSetup"
    );
    let setup = api.post("/v1/setup_intents", &form).await;
    assert_eq!(setup.text("/status"), "requires_action");
    let path = format!("/simulator/setup_intents/{}/three_d_secure", setup.text("/id"));
    let done = api.post(&path, "outcome=succeed").await;
    assert_eq!(done.text("/status"), "succeeded");
    let card = done.text("/payment_method");
    let paid = pay(&api, &format!("{card}&customer={customer}&off_session=true")).await;
    assert_eq!(paid.text("/status"), "succeeded");
    let never = pay(&api, "pm_card_authenticationRequiredOnSetup&off_session=true").await;
    assert_eq!(never.text("/error/code"), "authentication_required");
}

#[tokio::test]
async fn a_card_can_be_saved_and_then_decline() {
    let api = Api::start().await;
    let customer = api.customer().await;
    let card = api.saved("pm_card_chargeCustomerFail", &customer).await;
    let reply = pay(&api, &format!("{card}&customer={customer}")).await;
    assert_eq!((reply.status, reply.text("/error/code")), (402, "card_declined"));
    let path = "/v1/payment_methods/pm_card_chargeDeclined/attach";
    let refused = api.post(path, &format!("customer={customer}")).await;
    assert_eq!((refused.status, refused.text("/error/code")), (402, "card_declined"));
}
