//! `app.setup_intents`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::id::AccountId;
use quittance_domain::setup::{Observed, Recorded};

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        status,
        customer,
        payment_method,
        usage,
        failure,
        cancellation_reason,
        next_action,
        mandate,
        on_behalf_of,
        description,
        metadata,
        created,
    } = observed;
    let failure = super::failure(failure.as_ref());
    json!({
        "status": status.as_str(),
        "customer": customer,
        "payment_method": payment_method,
        "usage": usage,
        "failure_code": failure.code,
        "failure_decline_code": failure.decline_code,
        "failure_message": failure.message,
        "cancellation_reason": cancellation_reason,
        "next_action": next_action,
        "mandate": mandate,
        "on_behalf_of": on_behalf_of.as_ref().map(AccountId::as_str),
        "description": description,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({
        "customer": observed.customer,
        "payment_method": observed.payment_method,
        "usage": observed.usage,
    })
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status.as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
