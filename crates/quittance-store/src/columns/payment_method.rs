//! `app.payment_methods`

use serde_json::{Value, json};

use super::Stored;
use crate::domain::payment_method::{Observed, Recorded};
use crate::domain::transition::Status as _;
use crate::store::error::StoreError;

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed { customer, method_type, brand, last4, exp_month, exp_year, metadata, created } =
        observed;
    json!({
        "status": observed.status().as_str(),
        "customer": customer,
        "type": method_type,
        "brand": brand,
        "last4": last4,
        "exp_month": exp_month,
        "exp_year": exp_year,
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
