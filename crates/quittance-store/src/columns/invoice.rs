//! `app.invoices`

use serde_json::{Map, Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::invoice::{Observed, Recorded, StatusTransitions};
use quittance_domain::transition::StatusWord;

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        status,
        customer,
        subscription,
        payment_intent,
        currency,
        amount_due,
        amount_paid,
        amount_remaining,
        subtotal,
        total,
        attempt_count,
        next_payment_attempt,
        billing_reason,
        collection_method,
        number,
        paid_out_of_band,
        due_date,
        period_start,
        period_end,
        status_transitions: StatusTransitions { finalized_at, paid_at },
        metadata,
        created,
    } = observed;
    let mut columns = Map::new();
    // Two objects of one: a single `json!` of this size goes beyond the macro's depth.
    for part in [
        json!({
            "status": status.as_ref().map(StatusWord::as_str),
            "customer": customer,
            "subscription": super::id(subscription.as_ref()),
            "payment_intent": super::id(payment_intent.as_ref()),
            "currency": currency.as_str(),
            "amount_due": amount_due,
            "amount_paid": amount_paid,
            "amount_remaining": amount_remaining,
            "subtotal": subtotal,
            "total": total,
            "attempt_count": attempt_count,
            "next_payment_attempt": next_payment_attempt,
        }),
        json!({
            "billing_reason": billing_reason,
            "collection_method": collection_method,
            "number": number,
            "paid_out_of_band": paid_out_of_band,
            "due_date": due_date,
            "period_start": period_start,
            "period_end": period_end,
            "finalized_at": finalized_at,
            "paid_at": paid_at,
            "metadata": super::metadata(metadata),
            "created": created,
        }),
    ] {
        if let Value::Object(part) = part {
            columns.extend(part);
        }
    }
    Value::Object(columns)
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({
        "customer": observed.customer,
        "subscription": super::id(observed.subscription.as_ref()),
        "payment_intent": super::id(observed.payment_intent.as_ref()),
        "currency": observed.currency.as_str(),
        "amount_due": observed.amount_due,
        "amount_paid": observed.amount_paid,
        "number": observed.number,
        "paid_out_of_band": observed.paid_out_of_band,
    })
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.stated().as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
