//! `app.payouts`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::payout::{Observed, Recorded};

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        status,
        amount,
        currency,
        arrival_date,
        automatic,
        method,
        destination_type,
        destination,
        balance_transaction,
        failure_code,
        failure_message,
        statement_descriptor,
        metadata,
        created,
    } = observed;
    json!({
        "status": status.as_str(),
        "amount": amount,
        "currency": currency.as_str(),
        "arrival_date": arrival_date,
        "automatic": automatic,
        "method": method,
        "destination_type": destination_type,
        "destination": destination,
        "balance_transaction": balance_transaction,
        "failure_code": failure_code,
        "failure_message": failure_message,
        "statement_descriptor": statement_descriptor,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({
        "amount": observed.amount,
        "currency": observed.currency.as_str(),
        "arrival_date": observed.arrival_date,
        "failure_code": observed.failure_code,
    })
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status.as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
