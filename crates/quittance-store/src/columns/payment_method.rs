//! `app.payment_methods`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::payment_method::{Observed, Recorded};
use quittance_domain::transition::Status as _;

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        customer,
        method_type,
        card,
        us_bank_account: _,
        sepa_debit: _,
        metadata,
        created,
    } = observed;
    let card = card.as_ref();
    json!({
        "status": observed.status().as_str(),
        "customer": customer,
        "type": method_type,
        "brand": card.map(|card| &card.brand),
        "last4": observed.last4(),
        "exp_month": card.map(|card| card.exp_month),
        "exp_year": card.map(|card| card.exp_year),
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({"customer": observed.customer, "type": observed.method_type})
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status().as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
