//! `app.checkout_sessions`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::checkout::{Observed, Recorded};
use quittance_domain::transition::StatusWord;

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        progress,
        payment_status,
        mode,
        client_reference_id,
        customer,
        payment_intent,
        setup_intent,
        subscription,
        invoice,
        amount_total,
        currency,
        expires_at,
        metadata,
        created,
    } = observed;
    json!({
        "status": progress.as_ref().map(StatusWord::as_str),
        "payment_status": payment_status.as_str(),
        "mode": mode,
        "client_reference_id": client_reference_id,
        "customer": customer,
        "payment_intent": payment_intent,
        "setup_intent": setup_intent,
        "subscription": subscription,
        "invoice": invoice,
        "amount_total": amount_total,
        "currency": currency.as_ref().map(|currency| currency.as_str()),
        "expires_at": expires_at,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

/// All that a shop needs to fulfil an order, or to wait.
pub(super) fn facts(observed: &Observed) -> Value {
    json!({
        "payment_status": observed.payment_status.as_str(),
        "mode": observed.mode,
        "client_reference_id": observed.client_reference_id,
        "customer": observed.customer,
        "payment_intent": observed.payment_intent,
        "setup_intent": observed.setup_intent,
        "subscription": observed.subscription,
        "amount_total": observed.amount_total,
        "currency": observed.currency.as_ref().map(|currency| currency.as_str()),
    })
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status().as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
