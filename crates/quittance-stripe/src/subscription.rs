//! Subscription → [`subscription::Observed`](crate::domain::subscription::Observed).

use std::borrow::Cow;

use serde_json::{Value, json};
use stripe_shared::{Invoice, Subscription, SubscriptionItem};
use stripe_types::Expandable;

use super::field::{self, Unfit, id_text};
use crate::domain::id::ObjectId;
use crate::domain::subscription::{Item, Observed, Pause};

pub(crate) fn observe(it: Subscription) -> Result<Observed, Unfit> {
    let mut items: Vec<Item> = it.items.data.into_iter().map(item).collect::<Result<_, _>>()?;
    items.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    Ok(Observed {
        status: field::status("subscription.status", it.status.as_str())?,
        customer: it.customer.id().as_str().to_owned(),
        currency: field::currency("subscription.currency", &it.currency)?,
        collection_method: it.collection_method.as_str().to_owned(),
        trial_start: it.trial_start,
        trial_end: it.trial_end,
        cancel_at_period_end: it.cancel_at_period_end,
        cancel_at: it.cancel_at,
        canceled_at: it.canceled_at,
        ended_at: it.ended_at,
        pause: it.pause_collection.map(|pause| Pause {
            behavior: pause.behavior.as_str().to_owned(),
            resumes_at: pause.resumes_at,
        }),
        default_payment_method: id_text(it.default_payment_method.as_ref()).map(str::to_owned),
        latest_invoice: field::object_id(
            "subscription.latest_invoice",
            it.latest_invoice.as_ref().and_then(invoice_id),
        )?,
        schedule: field::object_id("subscription.schedule", id_text(it.schedule.as_ref()))?,
        items,
        metadata: field::metadata(it.metadata),
        created: it.created,
    })
}

fn item(it: SubscriptionItem) -> Result<Item, Unfit> {
    Ok(Item {
        id: id("subscription.items.id", it.id.as_str())?,
        price: id("subscription.items.price", it.price.id.as_str())?,
        product: id("subscription.items.price.product", it.price.product.id().as_str())?,
        quantity: field::count("subscription.items.quantity", it.quantity)?,
        current_period_start: it.current_period_start,
        current_period_end: it.current_period_end,
        metadata: field::metadata(it.metadata),
        created: it.created,
    })
}

fn id(name: &'static str, text: &str) -> Result<ObjectId, Unfit> {
    field::required_id(name, text)
}

/// An invoice that was not made yet has no id, so Stripe's type allows for none.
fn invoice_id(it: &Expandable<Invoice>) -> Option<&str> {
    match it {
        Expandable::Id(id) => id.as_ref().map(|id| id.as_str()),
        Expandable::Object(it) => it.id.as_ref().map(|id| id.as_str()),
    }
}

/// The shape of today, of whatever shape it came in.
///
/// Until 2025-03-31 the subscription itself had the one period of all its items (docs.stripe.com,
/// "Upgrades", 2025-03-31.basil, "Deprecates subscription current period start and end"). What else
/// today's type insists on, and older versions do not have, is what Stripe documents for those.
pub(crate) fn modern(raw: &Value) -> Cow<'_, Value> {
    let at = |key| raw.get(key).filter(|at| at.is_i64());
    let (Some(start), Some(end)) = (at("current_period_start"), at("current_period_end")) else {
        return Cow::Borrowed(raw);
    };
    let mut it = raw.clone();
    field::fill(&mut it, "billing_mode", || json!({"type": "classic"}));
    field::fill(&mut it, "billing_schedules", || json!([]));
    field::fill(&mut it, "discounts", || json!([]));
    let items = it.pointer_mut("/items/data").and_then(Value::as_array_mut);
    for item in items.into_iter().flatten() {
        field::fill(item, "current_period_start", || start.clone());
        field::fill(item, "current_period_end", || end.clone());
        field::fill(item, "discounts", || json!([]));
    }
    Cow::Owned(it)
}

#[cfg(test)]
#[path = "subscription_tests.rs"]
mod tests;
