//! `app.customers`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::customer::{Observed, Recorded, Status};
use quittance_domain::transition::Status as _;

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed { status, balance, currency, default_payment_method, metadata, created } =
        observed;
    json!({
        "delinquent": *status == Status::Delinquent,
        "balance": balance,
        "currency": currency.as_ref().map(|currency| currency.as_str()),
        "default_payment_method": default_payment_method,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({"delinquent": observed.status == Status::Delinquent})
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status.as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
