//! `app.charges`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::charge::{Observed, Recorded};
use quittance_domain::id::AccountId;

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        status,
        amount,
        amount_captured,
        amount_refunded,
        currency,
        captured,
        refunded,
        disputed,
        payment_intent,
        customer,
        payment_method,
        failure_code,
        failure_message,
        outcome,
        transfer_destination,
        application_fee_amount,
        balance_transaction,
        metadata,
        created,
    } = observed;
    json!({
        "status": status.as_str(),
        "amount": amount,
        "amount_captured": amount_captured,
        "amount_refunded": amount_refunded,
        "currency": currency.as_str(),
        "captured": captured,
        "refunded": refunded,
        "disputed": disputed,
        "payment_intent": super::id(payment_intent.as_ref()),
        "customer": customer,
        "payment_method": payment_method,
        "failure_code": failure_code,
        "failure_decline_code": observed.decline_code(),
        "failure_message": failure_message,
        "outcome": outcome.as_ref().map(|outcome| &outcome.kind),
        "transfer_destination": transfer_destination.as_ref().map(AccountId::as_str),
        "application_fee_amount": application_fee_amount,
        "balance_transaction": balance_transaction,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

/// Receivers hear what went back as `app.payments` has it: without what was only released.
pub(super) fn facts(observed: &Observed) -> Value {
    json!({
        "amount": observed.amount,
        "amount_captured": observed.amount_captured,
        "amount_refunded": observed.returned(),
        "currency": observed.currency.as_str(),
        "payment_intent": super::id(observed.payment_intent.as_ref()),
    })
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status.as_str(), "amount_refunded": observed.returned()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()?, returned: stored.number("amount_refunded")? })
}
