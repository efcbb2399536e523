//! `app.payments`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::id::AccountId;
use quittance_domain::payment::{Observed, Recorded};

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        status,
        amount,
        amount_capturable,
        amount_received,
        currency,
        customer,
        payment_method,
        latest_charge,
        capture_method,
        failure,
        cancellation_reason,
        canceled_at,
        next_action,
        transfer_destination,
        application_fee_amount,
        on_behalf_of,
        description,
        metadata,
        created,
    } = observed;
    let failure = super::failure(failure.as_ref());
    json!({
        "status": status.as_str(),
        "amount": amount,
        "amount_capturable": amount_capturable,
        "amount_received": amount_received,
        "currency": currency.as_str(),
        "customer": customer,
        "payment_method": payment_method,
        "latest_charge": super::id(latest_charge.as_ref()),
        "capture_method": capture_method,
        "failure_code": failure.code,
        "failure_decline_code": failure.decline_code,
        "failure_message": failure.message,
        "cancellation_reason": cancellation_reason,
        "canceled_at": canceled_at,
        "next_action": next_action,
        "transfer_destination": transfer_destination.as_ref().map(AccountId::as_str),
        "application_fee_amount": application_fee_amount,
        "on_behalf_of": on_behalf_of.as_ref().map(AccountId::as_str),
        "description": description,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({
        "amount": observed.amount,
        "amount_received": observed.amount_received,
        "currency": observed.currency.as_str(),
    })
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status.as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
