//! Invoice → [`invoice::Observed`](crate::domain::invoice::Observed).

use std::borrow::Cow;

use serde_json::{Value, json};
use stripe_shared::{Invoice, InvoicePayment};

use super::field::{self, Unfit, id_text};
use crate::domain::invoice::Observed;

/// What Stripe shows only where it is asked for.
pub(crate) const INCLUDED: [&str; 2] = ["amount_paid_off_stripe", "payments"];

pub(crate) fn observe(it: Invoice) -> Result<Observed, Unfit> {
    // An upcoming invoice has no status; but it has no id either, and cannot be asked for.
    let status = it.status.as_ref().map_or("", |status| status.as_str());
    let parent = it.parent.as_ref().and_then(|parent| parent.subscription_details.as_ref());
    let subscription = parent.map(|details| &details.subscription).or(it.subscription.as_ref());
    let payments = it.payments.as_ref().map_or(&[][..], |list| &list.data);
    Ok(Observed {
        status: field::status("invoice.status", status)?,
        customer: id_text(it.customer.as_ref()).map(str::to_owned),
        subscription: field::object_id("invoice.subscription", id_text(subscription))?,
        payment_intent: field::object_id("invoice.payments.payment_intent", payment(payments))?,
        currency: field::currency("invoice.currency", &it.currency)?,
        amount_due: it.amount_due,
        amount_paid: it.amount_paid,
        amount_remaining: it.amount_remaining,
        subtotal: it.subtotal,
        total: it.total,
        attempt_count: field::count("invoice.attempt_count", Some(it.attempt_count))?.unwrap_or(0),
        next_payment_attempt: it.next_payment_attempt,
        billing_reason: it.billing_reason.as_ref().map(|reason| reason.as_str().to_owned()),
        collection_method: it.collection_method.as_str().to_owned(),
        number: it.number,
        paid_out_of_band: it.amount_paid_off_stripe.is_some_and(|amount| amount > 0),
        due_date: it.due_date,
        period_start: it.period_start,
        period_end: it.period_end,
        finalized_at: it.status_transitions.finalized_at,
        paid_at: it.status_transitions.paid_at,
        metadata: it.metadata.map(field::metadata).unwrap_or_default(),
        created: it.created,
    })
}

/// Of several payments the one that paid; else the one that Stripe will try next.
fn payment(payments: &[InvoicePayment]) -> Option<&str> {
    let with_intent = || payments.iter().filter(|it| it.payment.payment_intent.is_some());
    let paid = with_intent().find(|it| it.status == "paid");
    let it =
        paid.or_else(|| with_intent().find(|it| it.is_default)).or_else(|| with_intent().next());
    it.and_then(|it| id_text(it.payment.payment_intent.as_ref()))
}

/// The shape of today, of whatever shape it came in.
///
/// Until 2025-03-31 an invoice had one payment and named it, and its subscription, at its top level
/// (docs.stripe.com, "Upgrades", 2025-03-31.basil, "Adds support for multiple (partial) payments on
/// invoices"). Its `amount_paid` did not count what was paid out of band.
pub(crate) fn modern(raw: &Value) -> Cow<'_, Value> {
    if raw.get("amount_overpaid").is_some() {
        return Cow::Borrowed(raw);
    }
    let mut it = raw.clone();
    field::fill(&mut it, "amount_overpaid", || json!(0));
    if it["paid_out_of_band"] == true {
        let total = it["amount_due"].clone();
        field::fill(&mut it, "amount_paid_off_stripe", || total);
    }
    if !it["payment_intent"].is_null() && it.get("payments").is_none() {
        let paid = if it["status"] == "paid" { "paid" } else { "open" };
        it["payments"] = json!({
            "object": "list", "has_more": false, "url": "",
            "data": [{
                "id": "inpay_of_old", "object": "invoice_payment", "amount_requested": it["amount_due"],
                "created": it["created"], "currency": it["currency"], "invoice": it["id"],
                "is_default": true, "livemode": it["livemode"], "status": paid,
                "status_transitions": {},
                "payment": {"type": "payment_intent", "payment_intent": it["payment_intent"]},
            }],
        });
    }
    Cow::Owned(it)
}

#[cfg(test)]
#[path = "invoice_tests.rs"]
mod tests;
