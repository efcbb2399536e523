//! SetupIntent → [`setup::Observed`](crate::domain::setup::Observed).

use stripe_shared::SetupIntent;

use super::field::{self, Unfit, id_text};
use super::payment_intent::failure;
use crate::domain::setup::Observed;

pub(crate) fn observe(it: SetupIntent) -> Result<Observed, Unfit> {
    Ok(Observed {
        status: field::status("setup_intent.status", it.status.as_str())?,
        customer: id_text(it.customer.as_ref()).map(str::to_owned),
        payment_method: id_text(it.payment_method.as_ref()).map(str::to_owned),
        usage: it.usage,
        failure: it.last_setup_error.as_deref().map(failure),
        cancellation_reason: it.cancellation_reason.as_ref().map(|r| r.as_str().to_owned()),
        next_action: it.next_action.map(|action| action.type_),
        mandate: id_text(it.mandate.as_ref()).map(str::to_owned),
        on_behalf_of: field::account_id(
            "setup_intent.on_behalf_of",
            id_text(it.on_behalf_of.as_ref()),
        )?,
        description: it.description,
        metadata: it.metadata.map(field::metadata).unwrap_or_default(),
        created: it.created,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::setup::Status;
    use crate::domain::transition::Status as _;
    use crate::stripe_api::decode;

    fn setup(changes: Value) -> Result<Observed, Unfit> {
        let mut it = json!({
            "id": "seti_1", "object": "setup_intent", "created": 1_700_000_000, "livemode": false,
            "client_secret": "seti_1_secret_hush", "metadata": {}, "usage": "off_session",
            "payment_method_types": ["card"], "status": "requires_payment_method",
            "customer": "cus_1", "payment_method": null,
        });
        for (key, value) in changes.as_object().unwrap() {
            it[key] = value.clone();
        }
        observe(decode::typed(&it, None).unwrap())
    }

    #[test]
    fn every_status_is_read_and_a_new_one_is_named_with_its_field() {
        for &status in Status::ALL {
            assert_eq!(setup(json!({"status": status.as_str()})).unwrap().status, status);
        }
        let error = setup(json!({"status": "undone"})).unwrap_err().into_error(None);
        assert_eq!(
            error.to_string(),
            "setup_intent.status is \"undone\": a status that this version does not know"
        );
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
}
