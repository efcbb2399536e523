//! Dispute → [`dispute::Observed`](crate::domain::dispute::Observed).

use stripe_shared::Dispute;

use super::field::{self, Unfit, id_text};
use crate::domain::dispute::Observed;

pub(crate) fn observe(it: Dispute) -> Result<Observed, Unfit> {
    let evidence = it.evidence_details;
    Ok(Observed {
        status: field::status("dispute.status", it.status.as_str())?,
        amount: it.amount,
        currency: field::currency("dispute.currency", &it.currency)?,
        reason: it.reason,
        charge: field::object_id("dispute.charge", id_text(Some(&it.charge)))?,
        payment_intent: field::object_id(
            "dispute.payment_intent",
            id_text(it.payment_intent.as_ref()),
        )?,
        // Stripe's 0 says that the bank takes no evidence for this one.
        evidence_due_by: evidence.due_by.filter(|due| *due != 0),
        evidence_past_due: evidence.past_due,
        has_evidence: evidence.has_evidence,
        submission_count: i64::try_from(evidence.submission_count).unwrap_or(i64::MAX),
        is_charge_refundable: it.is_charge_refundable,
        metadata: field::metadata(it.metadata),
        created: it.created,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::dispute::Status;
    use crate::stripe_api::decode;

    fn dispute(changes: Value) -> Result<Observed, Unfit> {
        let mut it = json!({
            "id": "dp_1", "object": "dispute", "amount": 1000, "balance_transactions": [],
            "charge": "ch_1", "created": 1_700_000_000, "currency": "eur",
            "enhanced_eligibility_types": [], "evidence": {"enhanced_evidence": {}},
            "evidence_details": {
                "due_by": 1_700_600_000, "enhanced_eligibility": {}, "has_evidence": true,
                "past_due": false, "submission_count": 1,
            },
            "is_charge_refundable": false, "livemode": false, "metadata": {"order_id": "42"},
            "payment_intent": "pi_1", "reason": "fraudulent", "status": "needs_response",
        });
        for (key, value) in changes.as_object().unwrap() {
            it[key] = value.clone();
        }
        observe(decode::typed(&it, None).unwrap())
    }

    #[test]
    fn a_dispute_names_its_charge_and_when_evidence_is_due() {
        let it = dispute(json!({})).unwrap();
        assert_eq!(it.status, Status::NeedsResponse);
        assert_eq!(it.charge.unwrap().as_str(), "ch_1");
        assert_eq!(it.payment_intent.unwrap().as_str(), "pi_1");
        assert_eq!(it.evidence_due_by, Some(1_700_600_000));
        assert_eq!((it.has_evidence, it.submission_count), (true, 1));
        assert_eq!(it.metadata, [("order_id".to_owned(), "42".to_owned())]);
    }

    #[test]
    fn where_the_bank_takes_no_evidence_none_is_due() {
        let details = json!({"evidence_details": {
            "due_by": 0, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false,
            "submission_count": 0,
        }});
        assert_eq!(dispute(details).unwrap().evidence_due_by, None);
    }

    #[test]
    fn a_prevented_dispute_is_known() {
        assert_eq!(dispute(json!({"status": "prevented"})).unwrap().status, Status::Prevented);
    }

    #[test]
    fn a_new_status_is_named_with_its_field() {
        let error = dispute(json!({"status": "forgotten"})).unwrap_err().into_error(None);
        assert_eq!(
            error.to_string(),
            "dispute.status is \"forgotten\": a status that this version does not know"
        );
    }
}
