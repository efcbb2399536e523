//! Refund → [`refund::Observed`](crate::domain::refund::Observed).

use stripe_shared::Refund;

use super::field::{self, Unfit, id_text};
use crate::domain::refund::{Observed, Status};

pub(crate) fn observe(it: Refund) -> Result<Observed, Unfit> {
    Ok(Observed {
        // Stripe's type allows for none: refunds from before there was a status. All of them were
        // sent at once, which is what "succeeded" means.
        status: match it.status.as_deref() {
            Some(text) => field::status("refund.status", text)?,
            None => Status::Succeeded,
        },
        amount: it.amount,
        currency: field::currency("refund.currency", &it.currency)?,
        charge: field::object_id("refund.charge", id_text(it.charge.as_ref()))?,
        payment_intent: field::object_id(
            "refund.payment_intent",
            id_text(it.payment_intent.as_ref()),
        )?,
        reason: it.reason.as_ref().map(|reason| reason.as_str().to_owned()),
        failure_reason: it.failure_reason,
        balance_transaction: id_text(it.balance_transaction.as_ref()).map(str::to_owned),
        metadata: it.metadata.map(field::metadata).unwrap_or_default(),
        created: it.created,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::stripe_api::decode;

    fn refund(changes: Value) -> Result<Observed, Unfit> {
        let mut it = json!({
            "id": "re_1", "object": "refund", "amount": 300, "charge": "ch_1",
            "created": 1_700_000_000, "currency": "eur", "metadata": {}, "payment_intent": "pi_1",
            "reason": "requested_by_customer", "status": "succeeded",
        });
        for (key, value) in changes.as_object().unwrap() {
            it[key] = value.clone();
        }
        observe(decode::typed(&it, None).unwrap())
    }

    #[test]
    fn a_refund_names_its_charge_and_its_payment() {
        let it = refund(json!({})).unwrap();
        assert_eq!(it.charge.unwrap().as_str(), "ch_1");
        assert_eq!(it.payment_intent.unwrap().as_str(), "pi_1");
        assert_eq!(it.reason.as_deref(), Some("requested_by_customer"));
        assert_eq!(it.amount, 300);
    }

    #[test]
    fn a_failed_refund_says_why() {
        let changes = json!({"status": "failed", "failure_reason": "lost_or_stolen_card"});
        let it = refund(changes).unwrap();
        assert_eq!(it.status, Status::Failed);
        assert_eq!(it.failure_reason.as_deref(), Some("lost_or_stolen_card"));
    }

    #[test]
    fn a_refund_of_old_without_a_status_has_succeeded() {
        assert_eq!(refund(json!({"status": null})).unwrap().status, Status::Succeeded);
    }

    #[test]
    fn a_refund_without_metadata_has_none() {
        assert_eq!(refund(json!({"metadata": null})).unwrap().metadata, vec![]);
    }

    #[test]
    fn a_new_status_is_named_with_its_field() {
        let error = refund(json!({"status": "lost"})).unwrap_err().into_error(None);
        assert_eq!(
            error.to_string(),
            "refund.status is \"lost\": a status that this version does not know"
        );
    }
}
