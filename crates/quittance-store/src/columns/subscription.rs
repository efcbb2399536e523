//! `app.subscriptions` and `app.subscription_items`

use serde_json::{Value, json};

use super::Stored;
use crate::error::StoreError;
use quittance_domain::subscription::{Item, ItemPrice, Observed, Recorded};

pub(super) fn columns(observed: &Observed) -> Value {
    // Taken apart whole: a new field does not compile until it has a column.
    let Observed {
        status,
        customer,
        currency,
        collection_method,
        trial_start,
        trial_end,
        cancel_at_period_end,
        cancel_at,
        canceled_at,
        ended_at,
        pause,
        default_payment_method,
        latest_invoice,
        schedule,
        items,
        metadata,
        created,
    } = observed;
    let period = observed.current_period();
    json!({
        "status": status.as_str(),
        "customer": customer,
        "currency": currency.as_str(),
        "collection_method": collection_method,
        "current_period_start": period.map(|(start, _)| start),
        "current_period_end": period.map(|(_, end)| end),
        "trial_start": trial_start,
        "trial_end": trial_end,
        "cancel_at_period_end": cancel_at_period_end,
        "cancel_at": cancel_at,
        "canceled_at": canceled_at,
        "ended_at": ended_at,
        "pause_collection": pause.as_ref().map(|pause| &pause.behavior),
        "pause_resumes_at": pause.as_ref().and_then(|pause| pause.resumes_at),
        "default_payment_method": default_payment_method,
        "latest_invoice": super::id(latest_invoice.as_ref()),
        "schedule": super::id(schedule.as_ref()),
        "items": items.iter().map(item).collect::<Vec<_>>(),
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

fn item(item: &Item) -> Value {
    let Item {
        id,
        price: ItemPrice { id: price, product },
        quantity,
        current_period_start,
        current_period_end,
        metadata,
        created,
    } = item;
    json!({
        "id": id.as_str(),
        "price": price.as_str(),
        "product": product.as_str(),
        "quantity": quantity,
        "current_period_start": current_period_start,
        "current_period_end": current_period_end,
        "metadata": super::metadata(metadata),
        "created": created,
    })
}

pub(super) fn facts(observed: &Observed) -> Value {
    json!({
        "customer": observed.customer,
        "currency": observed.currency.as_str(),
        "current_period_end": observed.current_period().map(|(_, end)| end),
        "trial_end": observed.trial_end,
        "cancel_at_period_end": observed.cancel_at_period_end,
        "latest_invoice": super::id(observed.latest_invoice.as_ref()),
    })
}

/// What the rules will want to know of this row.
pub(super) fn remembered(observed: &Observed) -> Value {
    json!({"status": observed.status.as_str()})
}

pub(super) fn recorded(stored: &Stored<'_>) -> Result<Recorded, StoreError> {
    Ok(Recorded { status: stored.status()? })
}
