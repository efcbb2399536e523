//! `app.prices`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::price::{Observed, Recorded};
use quittance_domain::transition::Status as _;

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        status,
        product,
        currency,
        unit_amount,
        unit_amount_decimal,
        billing_scheme,
        recurring,
        nickname,
        lookup_key,
        metadata,
        created,
    } = observed;
    json!({
        "active": status.is_active(),
        "product": product.as_str(),
        "currency": currency.as_str(),
        "unit_amount": unit_amount,
        "unit_amount_decimal": unit_amount_decimal,
        "billing_scheme": billing_scheme,
        "recurring_interval": recurring.as_ref().map(|it| &it.interval),
        "recurring_interval_count": recurring.as_ref().map(|it| it.interval_count),
        "recurring_usage_type": recurring.as_ref().map(|it| &it.usage_type),
        "nickname": nickname,
        "lookup_key": lookup_key,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({
        "active": observed.status.is_active(),
        "product": observed.product.as_str(),
        "currency": observed.currency.as_str(),
        "unit_amount": observed.unit_amount,
    })
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status.as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
