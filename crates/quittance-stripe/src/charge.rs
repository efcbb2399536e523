//! Charge → [`charge::Observed`](crate::domain::charge::Observed).

use stripe_shared::Charge;

use super::field::{self, Unfit, id_text};
use crate::domain::charge::Observed;
use crate::domain::payment::FailureReason;

pub(crate) fn observe(it: Charge) -> Result<Observed, Unfit> {
    let failure = failure(&it);
    Ok(Observed {
        status: field::status("charge.status", it.status.as_str())?,
        amount: it.amount,
        amount_captured: it.amount_captured,
        amount_refunded: it.amount_refunded,
        currency: field::currency("charge.currency", &it.currency)?,
        captured: it.captured,
        refunded: it.refunded,
        disputed: it.disputed,
        payment_intent: field::object_id(
            "charge.payment_intent",
            id_text(it.payment_intent.as_ref()),
        )?,
        customer: id_text(it.customer.as_ref()).map(str::to_owned),
        payment_method: it.payment_method,
        failure,
        outcome: it.outcome.map(|outcome| outcome.type_),
        transfer_destination: field::account_id(
            "charge.transfer_data.destination",
            id_text(it.transfer_data.as_ref().map(|data| &data.destination)),
        )?,
        application_fee_amount: it.application_fee_amount,
        balance_transaction: id_text(it.balance_transaction.as_ref()).map(str::to_owned),
        metadata: field::metadata(it.metadata),
        created: it.created,
    })
}

/// A charge has no decline code of its own; `outcome.reason` is the bank's word where the bank
/// declined. Where Radar blocked, or let pass, it is Radar's word and none of the bank's
/// (docs.stripe.com, "Understanding declines").
fn failure(it: &Charge) -> Option<FailureReason> {
    if it.failure_code.is_none() && it.failure_message.is_none() {
        return None;
    }
    let decline_code = it
        .outcome
        .as_ref()
        .filter(|outcome| outcome.type_ == "issuer_declined")
        .and_then(|outcome| outcome.reason.clone());
    Some(FailureReason {
        code: it.failure_code.clone(),
        decline_code,
        message: it.failure_message.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::charge::Status;
    use crate::stripe_api::decode;

    fn charge(changes: Value) -> Observed {
        let mut it = json!({
            "id": "ch_1", "object": "charge", "amount": 1099, "amount_captured": 1099,
            "amount_refunded": 0, "billing_details": {}, "captured": true,
            "created": 1_700_000_000, "currency": "eur", "disputed": false, "livemode": false,
            "metadata": {}, "paid": true, "refunded": false, "status": "succeeded",
        });
        for (key, value) in changes.as_object().unwrap() {
            it[key] = value.clone();
        }
        observe(decode::typed(&it, None).unwrap()).unwrap()
    }

    fn failed(outcome: Value) -> Option<FailureReason> {
        let it = charge(json!({
            "status": "failed", "captured": false, "amount_captured": 0, "paid": false,
            "failure_code": "card_declined", "failure_message": "Your card was declined.",
            "outcome": outcome,
        }));
        assert_eq!(it.status, Status::Failed);
        it.failure
    }

    #[test]
    fn the_bank_s_reason_is_the_decline_code() {
        let outcome = json!({
            "type": "issuer_declined", "network_status": "declined_by_network",
            "reason": "insufficient_funds",
        });
        let failure = failed(outcome).unwrap();
        assert_eq!(failure.code.as_deref(), Some("card_declined"));
        assert_eq!(failure.decline_code.as_deref(), Some("insufficient_funds"));
    }

    #[test]
    fn radar_s_reason_is_no_decline_code() {
        let outcome = json!({"type": "blocked", "reason": "highest_risk_level"});
        assert_eq!(failed(outcome).unwrap().decline_code, None);
    }

    #[test]
    fn a_charge_that_went_well_has_no_failure_whatever_its_outcome_says() {
        let it =
            charge(json!({"outcome": {"type": "authorized", "reason": "elevated_risk_level"}}));
        assert_eq!(it.failure, None);
        assert_eq!(it.outcome.as_deref(), Some("authorized"));
    }

    #[test]
    fn a_partial_refund_keeps_both_amounts() {
        let it = charge(json!({"amount_refunded": 300, "refunded": false}));
        assert_eq!((it.amount, it.amount_captured, it.amount_refunded), (1099, 1099, 300));
        assert!(!it.refunded && it.captured);
    }

    #[test]
    fn ids_are_found_whether_expanded_or_not() {
        let it = charge(json!({
            "payment_intent": "pi_1", "customer": "cus_1", "balance_transaction": "txn_1",
            "transfer_data": {"destination": "acct_1", "amount": null},
            "application_fee_amount": 12,
        }));
        assert_eq!(it.payment_intent.unwrap().as_str(), "pi_1");
        assert_eq!(it.customer.as_deref(), Some("cus_1"));
        assert_eq!(it.balance_transaction.as_deref(), Some("txn_1"));
        assert_eq!(it.transfer_destination.unwrap().as_str(), "acct_1");
        assert_eq!(it.application_fee_amount, Some(12));

        let expanded = json!({"transfer_data": {
            "amount": null, "destination": {"id": "acct_1", "object": "account"},
        }});
        assert_eq!(charge(expanded).transfer_destination.unwrap().as_str(), "acct_1");
    }
}
