//! `app.products`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::product::{Observed, Recorded};
use quittance_domain::transition::Status as _;

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed { status, name, description, default_price, unit_label, metadata, created } =
        observed;
    json!({
        "active": status.is_active(),
        "name": name,
        "description": description,
        "default_price": super::id(default_price.as_ref()),
        "unit_label": unit_label,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({"active": observed.status.is_active(), "name": observed.name})
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status.as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
