//! `app.refunds`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::refund::{Observed, Recorded};

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        status,
        amount,
        currency,
        charge,
        payment_intent,
        reason,
        failure_reason,
        balance_transaction,
        metadata,
        created,
    } = observed;
    json!({
        "status": status.as_str(),
        "amount": amount,
        "currency": currency.as_str(),
        "charge": super::id(charge.as_ref()),
        "payment_intent": super::id(payment_intent.as_ref()),
        "reason": reason,
        "failure_reason": failure_reason,
        "balance_transaction": balance_transaction,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({
        "amount": observed.amount,
        "balance_transaction": observed.balance_transaction,
        "currency": observed.currency.as_str(),
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
