//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn intent(changes: Value) -> PaymentObserved {
    try_intent(changes).unwrap()
}

fn try_intent(changes: Value) -> Result<PaymentObserved, serde_json::Error> {
    let mut it = json!({
        "id": "pi_1", "object": "payment_intent", "amount": 1099, "amount_capturable": 0,
        "amount_received": 0, "capture_method": "automatic", "client_secret": "pi_1_secret_x",
        "confirmation_method": "automatic", "created": 1_700_000_000, "currency": "eur",
        "livemode": false, "metadata": {}, "payment_method_types": ["card"],
        "status": "requires_payment_method",
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    serde_json::from_value(it)
}

fn failure_of(error: Value) -> (Option<String>, Option<String>, Option<String>) {
    let it = intent(json!({"last_payment_error": error}));
    assert_eq!(it.status, PaymentStatus::RequiresPaymentMethod);
    let failure = it.failure.unwrap();
    (failure.code, failure.decline_code, failure.message)
}

fn own(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn card_declined_comes_out_as_itself() {
    let error = json!({
        "type": "card_error", "code": "card_declined", "decline_code": "generic_decline",
        "message": "Your card was declined.", "charge": "ch_1",
    });
    let expected = (own("card_declined"), own("generic_decline"), own("Your card was declined."));
    assert_eq!(failure_of(error), expected);
}

#[test]
fn insufficient_funds_is_a_decline_code_of_card_declined() {
    let error = json!({
        "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
    });
    let (code, decline_code, _) = failure_of(error);
    assert_eq!((code, decline_code), (own("card_declined"), own("insufficient_funds")));
}

#[test]
fn authentication_required_comes_out_as_itself() {
    let error = json!({
        "type": "card_error", "code": "authentication_required",
        "decline_code": "authentication_required", "message": "Authenticate first.",
    });
    let (code, decline_code, _) = failure_of(error);
    assert_eq!(code, own("authentication_required"));
    assert_eq!(decline_code, own("authentication_required"));
}

#[test]
fn an_error_code_that_is_new_to_us_is_kept_as_it_is() {
    let error = json!({"type": "card_error", "code": "card_on_the_moon"});
    assert_eq!(failure_of(error).0, own("card_on_the_moon"));
}

#[test]
fn a_3d_secure_step_shows_its_next_action() {
    let it = intent(json!({
        "status": "requires_action", "payment_method": "pm_1",
        "next_action": {
            "type": "redirect_to_url",
            "redirect_to_url": {"url": "https://hooks.stripe.com/3d", "return_url": null},
        },
    }));
    assert_eq!(it.status, PaymentStatus::RequiresAction);
    assert_eq!(it.next_action.as_deref(), Some("redirect_to_url"));
    assert_eq!(it.payment_method.as_deref(), Some("pm_1"));
    assert_eq!(it.failure, None);
}

#[test]
fn a_destination_charge_names_account_fee_and_charge() {
    let it = intent(json!({
        "status": "succeeded", "amount_received": 1099, "latest_charge": "ch_1",
        "transfer_data": {"destination": "acct_1"}, "on_behalf_of": "acct_2",
        "application_fee_amount": 99, "customer": "cus_1",
        "metadata": {"order": "7", "cart": "3"},
    }));
    assert_eq!(it.latest_charge.unwrap().as_str(), "ch_1");
    assert_eq!(it.transfer_destination.unwrap().as_str(), "acct_1");
    assert_eq!(it.on_behalf_of.unwrap().as_str(), "acct_2");
    assert_eq!(it.application_fee_amount, Some(99));
    let metadata: Vec<_> = it.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(metadata, [("cart", "3"), ("order", "7")]);
}

#[test]
fn an_amount_is_never_converted() {
    let it = intent(json!({"currency": "jpy", "amount": 500}));
    assert_eq!((it.amount, it.currency.as_str()), (500, "jpy"));
    let it = intent(json!({"currency": "kwd", "amount": 1_234}));
    assert_eq!((it.amount, it.currency.as_str()), (1_234, "kwd"));
}
