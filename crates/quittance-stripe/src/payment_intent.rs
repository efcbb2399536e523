//! PaymentIntent → [`payment::Observed`](crate::domain::payment::Observed).

use stripe_shared::{ApiErrors, PaymentIntent};

use super::field::{self, Unfit, id_text};
use crate::domain::payment::{FailureReason, Observed};

pub(crate) fn observe(it: PaymentIntent) -> Result<Observed, Unfit> {
    Ok(Observed {
        status: field::status("payment_intent.status", it.status.as_str())?,
        amount: it.amount,
        amount_capturable: it.amount_capturable,
        amount_received: it.amount_received,
        currency: field::currency("payment_intent.currency", &it.currency)?,
        customer: id_text(it.customer.as_ref()).map(str::to_owned),
        payment_method: id_text(it.payment_method.as_ref()).map(str::to_owned),
        latest_charge: field::object_id(
            "payment_intent.latest_charge",
            id_text(it.latest_charge.as_ref()),
        )?,
        capture_method: it.capture_method.as_str().to_owned(),
        failure: it.last_payment_error.as_deref().map(failure),
        cancellation_reason: it.cancellation_reason.as_ref().map(|r| r.as_str().to_owned()),
        canceled_at: it.canceled_at,
        next_action: it.next_action.map(|action| action.type_),
        transfer_destination: field::account_id(
            "payment_intent.transfer_data.destination",
            id_text(it.transfer_data.as_ref().map(|data| &data.destination)),
        )?,
        application_fee_amount: it.application_fee_amount,
        on_behalf_of: field::account_id(
            "payment_intent.on_behalf_of",
            id_text(it.on_behalf_of.as_ref()),
        )?,
        description: it.description,
        metadata: field::metadata(it.metadata),
        created: it.created,
    })
}

pub(super) fn failure(error: &ApiErrors) -> FailureReason {
    FailureReason {
        code: error.code.as_ref().map(|code| code.as_str().to_owned()),
        decline_code: error.decline_code.clone(),
        message: error.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::payment::Status;
    use crate::stripe_api::decode;

    fn intent(changes: Value) -> Observed {
        try_intent(changes).unwrap()
    }

    fn try_intent(changes: Value) -> Result<Observed, Unfit> {
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
        observe(decode::typed(&it, None).unwrap())
    }

    fn failure_of(error: Value) -> (Option<String>, Option<String>, Option<String>) {
        let it = intent(json!({"last_payment_error": error}));
        assert_eq!(it.status, Status::RequiresPaymentMethod);
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
        let expected =
            (own("card_declined"), own("generic_decline"), own("Your card was declined."));
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
        assert_eq!(it.status, Status::RequiresAction);
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

    #[test]
    fn a_status_that_stripe_added_later_is_named_with_its_field() {
        let error = try_intent(json!({"status": "frozen"})).unwrap_err().into_error(Some("req_1"));
        assert_eq!(
            error.to_string(),
            "payment_intent.status is \"frozen\": a status that this version does not know"
        );
        assert_eq!(error.failure().code, "stripe_unknown_value");
        assert_eq!(error.failure().class.as_str(), "permanent");
    }
}
