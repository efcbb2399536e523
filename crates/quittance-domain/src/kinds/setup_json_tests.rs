//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn setup(changes: Value) -> Result<SetupObserved, serde_json::Error> {
    let mut it = json!({
        "id": "seti_1", "object": "setup_intent", "created": 1_700_000_000, "livemode": false,
        "client_secret": "seti_1_secret_hush", "metadata": {}, "usage": "off_session",
        "payment_method_types": ["card"], "status": "requires_payment_method",
        "customer": "cus_1", "payment_method": null,
    });
    for (key, value) in changes.as_object().unwrap() {
        it[key] = value.clone();
    }
    serde_json::from_value(it)
}

#[test]
fn a_failed_attempt_says_why() {
    let error = json!({"type": "card_error", "code": "card_declined",
                       "decline_code": "insufficient_funds", "message": "No."});
    let failure = setup(json!({"last_setup_error": error})).unwrap().failure.unwrap();
    assert_eq!(failure.code.as_deref(), Some("card_declined"));
    assert_eq!(failure.decline_code.as_deref(), Some("insufficient_funds"));
    assert_eq!(failure.message.as_deref(), Some("No."));
}

#[test]
fn the_next_step_is_named_and_the_secret_does_not_come_out() {
    let it = setup(json!({"status": "requires_action", "next_action": {
        "type": "redirect_to_url",
        "redirect_to_url": {"return_url": null, "url": "https://example.com/3ds"}}}));
    let it = it.unwrap();
    assert_eq!(it.next_action.as_deref(), Some("redirect_to_url"));
    assert!(!format!("{it:?}").contains("hush"));
}
