//! `app.disputes`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::dispute::{EvidenceDetails, Observed, Recorded};

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        status,
        amount,
        currency,
        reason,
        charge,
        payment_intent,
        evidence_details: EvidenceDetails { due_by, past_due, has_evidence, submission_count },
        is_charge_refundable,
        metadata,
        created,
    } = observed;
    json!({
        "status": status.as_str(),
        "amount": amount,
        "currency": currency.as_str(),
        "reason": reason,
        "charge": super::id(charge.as_ref()),
        "payment_intent": super::id(payment_intent.as_ref()),
        "evidence_due_by": due_by,
        "evidence_past_due": past_due,
        "has_evidence": has_evidence,
        "submission_count": submission_count,
        "is_charge_refundable": is_charge_refundable,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({
        "amount": observed.amount,
        "currency": observed.currency.as_str(),
        "reason": observed.reason,
        "evidence_due_by": observed.evidence_details.due_by,
        "charge": super::id(observed.charge.as_ref()),
        "payment_intent": super::id(observed.payment_intent.as_ref()),
    })
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status.as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
