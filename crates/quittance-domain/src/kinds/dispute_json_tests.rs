//! Decoding of Stripe's JSON of this kind.

use serde_json::{Value, json};

use super::*;

fn dispute(changes: Value) -> Result<DisputeObserved, serde_json::Error> {
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
    serde_json::from_value(it)
}

#[test]
fn a_dispute_names_its_charge_and_when_evidence_is_due() {
    let it = dispute(json!({})).unwrap();
    assert_eq!(it.status, DisputeStatus::NeedsResponse);
    assert_eq!(it.charge.unwrap().as_str(), "ch_1");
    assert_eq!(it.payment_intent.unwrap().as_str(), "pi_1");
    assert_eq!(it.evidence_details.due_by, Some(1_700_600_000));
    assert_eq!((it.evidence_details.has_evidence, it.evidence_details.submission_count), (true, 1));
    assert_eq!(it.metadata, [("order_id".to_owned(), "42".to_owned())]);
}

#[test]
fn where_the_bank_takes_no_evidence_none_is_due() {
    let details = json!({"evidence_details": {
        "due_by": 0, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false,
        "submission_count": 0,
    }});
    assert_eq!(dispute(details).unwrap().evidence_details.due_by, None);
}

#[test]
fn a_prevented_dispute_is_known() {
    assert_eq!(dispute(json!({"status": "prevented"})).unwrap().status, DisputeStatus::Prevented);
}

#[test]
fn the_code_of_the_network_is_read_where_there_is_one() {
    let code =
        |details| dispute(json!({"payment_method_details": details})).unwrap().network_reason_code;
    let card = json!({"type": "card", "card": {"brand": "visa", "network_reason_code": "10.4"}});
    assert_eq!(code(card).as_deref(), Some("10.4"));
    assert_eq!(code(json!({"type": "card", "card": {"network_reason_code": null}})), None);
    assert_eq!(code(json!({"type": "klarna", "klarna": {"reason_code": "x"}})), None);
    assert_eq!(code(json!(null)), None);
}
