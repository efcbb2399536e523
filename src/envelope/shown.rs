//! The snapshot that an event carries of its object, for a notification that is about the event itself.

use serde_json::Value;

use crate::domain::event::{About, Shown};
use crate::domain::failure_reason::FailureReason;
use crate::domain::id::ObjectId;
use crate::domain::money::Currency;

/// Adds to `about` what its event shows of its object, for the notification. `object`: the object of the
/// event, without what must not be kept.
pub fn show(about: &mut About, object: &Value) {
    about.failure = failure(object);
    about.shown = Some(Box::new(shown(object)));
}

/// Why the last attempt failed, if one did.
fn failure(object: &Value) -> Option<FailureReason> {
    let error = ["last_payment_error", "last_setup_error"].map(|key| object[key].as_object());
    let error = error.into_iter().flatten().next()?;
    let text = |key: &str| error.get(key)?.as_str().map(str::to_owned);
    Some(FailureReason {
        code: text("code"),
        decline_code: text("decline_code"),
        message: text("message"),
    })
}

/// Picks it out of the object. What is not there, or is something else in this kind or in this version
/// of the API, is left out: it is no reason to give up the event.
fn shown(object: &Value) -> Shown {
    let number = |key: &str| object[key].as_i64();
    let id = |pointer: &str| {
        let value = object.pointer(pointer)?;
        ObjectId::parse(value.as_str().or_else(|| value["id"].as_str())?).ok()
    };
    let metadata = object["metadata"].as_object().map(|pairs| {
        let text =
            |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        pairs.iter().filter_map(text).collect()
    });
    Shown {
        amount: number("amount"),
        amount_due: number("amount_due"),
        amount_total: number("amount_total"),
        currency: object["currency"].as_str().and_then(|text| Currency::parse(text).ok()),
        customer: id("/customer"),
        charge: id("/charge"),
        payment_intent: id("/payment_intent"),
        // Since API 2025-03-31 an invoice names its subscription in `parent` (docs.stripe.com, "The
        // Invoice object").
        subscription: id("/subscription")
            .or_else(|| id("/parent/subscription_details/subscription")),
        attempt_count: number("attempt_count"),
        next_payment_attempt: number("next_payment_attempt"),
        trial_end: number("trial_end"),
        metadata,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_subscription_is_found_in_the_invoices_of_each_version() {
        for invoice in [
            json!({"subscription": "sub_1"}),
            json!({"subscription": {"id": "sub_1", "object": "subscription"}}),
            json!({"parent": {"subscription_details": {"subscription": "sub_1"}}}),
        ] {
            let found = shown(&invoice).subscription.unwrap();
            assert_eq!(found.as_str(), "sub_1", "{invoice}");
        }
    }

    #[test]
    fn a_failed_attempt_says_why_in_the_event_itself() {
        let error = json!({"code": "card_declined", "decline_code": 7, "message": "No.",
                           "payment_method": {"id": "pm_1"}});
        for object in [json!({"last_payment_error": error}), json!({"last_setup_error": error})] {
            let failure = failure(&object).unwrap();
            assert_eq!(failure.code.as_deref(), Some("card_declined"));
            assert_eq!(failure.decline_code, None, "of another type");
            assert_eq!(failure.message.as_deref(), Some("No."));
        }
        for none in [json!({"last_payment_error": null}), json!({"last_payment_error": "x"})] {
            assert_eq!(failure(&none), None);
        }
    }

    #[test]
    fn what_is_of_another_type_is_left_out() {
        let object = json!({"amount": "12", "currency": "EURO", "customer": 5, "charge": "",
                            "trial_end": null, "metadata": {"order_id": "42", "n": 1},
                            "customer_email": "jenny@example.com"});
        let metadata = Some(vec![("order_id".to_owned(), "42".to_owned())]);
        assert_eq!(shown(&object), Shown { metadata, ..Shown::default() });
        assert_eq!(shown(&json!("a text")), Shown::default());
    }
}
