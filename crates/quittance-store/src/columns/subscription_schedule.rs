//! `app.subscription_schedules`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::subscription_schedule::{Observed, Recorded};

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        status,
        customer,
        subscription,
        released_subscription,
        end_behavior,
        current_phase,
        canceled_at,
        completed_at,
        released_at,
        metadata,
        created,
    } = observed;
    json!({
        "status": status.as_str(),
        "customer": customer,
        "subscription": super::id(subscription.as_ref()),
        "released_subscription": super::id(released_subscription.as_ref()),
        "end_behavior": end_behavior,
        "current_phase_start": current_phase.map(|phase| phase.start_date),
        "current_phase_end": current_phase.map(|phase| phase.end_date),
        "canceled_at": canceled_at,
        "completed_at": completed_at,
        "released_at": released_at,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({
        "customer": observed.customer,
        "subscription": super::id(observed.subscription.as_ref()),
    })
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status.as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
