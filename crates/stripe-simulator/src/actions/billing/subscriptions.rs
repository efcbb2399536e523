//! Subscriptions: begun, renewed or not, changed, ended.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::objects::{Metadata, text};
use crate::world::Tx;

use super::expect;

const DAY: i64 = 24 * 3600;
const PERIOD: i64 = 30 * DAY;

/// `POST /v1/subscriptions`
#[derive(Debug, Clone, Default)]
pub struct NewSubscription {
    /// `cus_...`
    pub customer: String,
    /// Prices, and how many of each.
    pub prices: Vec<(String, u64)>,
    /// The test card that pays the first invoice.
    pub card: String,
    /// A trial instead of a first payment.
    pub trial_days: Option<i64>,
    /// The team's own keys and values.
    pub metadata: Metadata,
}

impl Tx<'_> {
    pub(crate) fn subscribe(&mut self, new: NewSubscription) -> Result<Value, ApiError> {
        let id = self.ids.mint("sub");
        let trial_end = new.trial_days.map(|days| self.now + days * DAY);
        let period = (self.now, trial_end.unwrap_or(self.now + PERIOD));
        let items = self.new_items(&id, &new.prices, period)?;
        let currency = items.first().map(|item| item["price"]["currency"].clone());
        let mut subscription = json!({
            "id": id,
            "object": "subscription",
            "automatic_tax": { "enabled": false, "disabled_reason": null, "liability": null },
            "billing_cycle_anchor": period.1,
            "billing_mode": { "type": "classic" },
            "billing_schedules": [],
            "cancel_at": null,
            "cancel_at_period_end": false,
            "canceled_at": null,
            "cancellation_details": { "comment": null, "feedback": null, "reason": null },
            "collection_method": "charge_automatically",
            "created": self.now,
            "currency": currency,
            "customer": new.customer,
            "default_payment_method": null,
            "discounts": [],
            "ended_at": null,
            "invoice_settings": { "account_tax_ids": null, "issuer": { "type": "self" } },
        });
        let rest = json!({
            "items": {
                "object": "list", "data": items, "has_more": false,
                "url": format!("/v1/subscription_items?subscription={id}"),
            },
            "latest_invoice": null,
            "livemode": self.scope.livemode,
            "metadata": new.metadata,
            "pause_collection": null,
            "schedule": null,
            "start_date": self.now,
            "status": if trial_end.is_some() { "trialing" } else { "incomplete" },
            "trial_end": trial_end,
            "trial_start": trial_end.map(|_| self.now),
        });
        if let (Value::Object(fields), Value::Object(rest)) = (&mut subscription, rest) {
            fields.extend(rest);
        }
        self.save_document(&subscription, &["customer.subscription.created"]);
        if trial_end.is_some() {
            return Ok(subscription);
        }
        if self.bill(&mut subscription, "subscription_create", &new.card)? {
            subscription["status"] = json!("active");
        }
        self.save_document(&subscription, &["customer.subscription.updated"]);
        Ok(subscription)
    }

    fn new_items(
        &mut self,
        subscription: &str,
        prices: &[(String, u64)],
        (start, end): (i64, i64),
    ) -> Result<Vec<Value>, ApiError> {
        let mut items = Vec::new();
        for (price, quantity) in prices {
            let price = self.document("price", price)?;
            let plan = json!({
                "id": price["id"],
                "object": "plan",
                "active": true,
                "amount": price["unit_amount"],
                "billing_scheme": "per_unit",
                "created": price["created"],
                "currency": price["currency"],
                "interval": "month",
                "interval_count": 1,
                "livemode": self.scope.livemode,
                "metadata": {},
                "product": price["product"],
                "usage_type": "licensed",
            });
            items.push(json!({
                "id": self.ids.mint("si"),
                "object": "subscription_item",
                "billing_thresholds": null,
                "created": self.now,
                "current_period_end": end,
                "current_period_start": start,
                "discounts": [],
                "metadata": { "seats": quantity.to_string() },
                "plan": plan,
                "price": price,
                "quantity": quantity,
                "subscription": subscription,
                "tax_rates": [],
            }));
        }
        Ok(items)
    }

    /// Invoices what the items cost, and tries to pay; whether that went well.
    fn bill(&mut self, it: &mut Value, reason: &str, card: &str) -> Result<bool, ApiError> {
        let cost = |item: &Value| {
            let unit = item["price"]["unit_amount"].as_i64().unwrap_or(0);
            unit * item["quantity"].as_i64().unwrap_or(1)
        };
        let items = it.pointer("/items/data").and_then(Value::as_array);
        let amount = items.map_or(0, |items| items.iter().map(cost).sum());
        let (customer, id, currency) = (text(it, "customer"), text(it, "id"), text(it, "currency"));
        let invoice = self.new_invoice(customer, Some(id), amount, currency, reason);
        it["latest_invoice"] = invoice["id"].clone();
        let invoice = text(&invoice, "id");
        self.finalize_invoice(invoice)?;
        Ok(text(&self.pay_invoice(invoice, card)?, "status") == "paid")
    }

    /// A new period begins, and is paid for, or is not.
    pub(crate) fn renew(&mut self, id: &str, card: &str) -> Result<Value, ApiError> {
        let mut it = self.document("subscription", id)?;
        expect(&it, &["active", "trialing"], "renew")?;
        let items = it.pointer_mut("/items/data").and_then(Value::as_array_mut);
        for item in items.into_iter().flatten() {
            let end = item["current_period_end"].as_i64().unwrap_or(self.now);
            item["current_period_start"] = json!(end);
            item["current_period_end"] = json!(end + PERIOD);
        }
        let paid = self.bill(&mut it, "subscription_cycle", card)?;
        it["status"] = json!(if paid { "active" } else { "past_due" });
        self.save_document(&it, &["customer.subscription.updated"]);
        Ok(it)
    }

    /// The latest invoice is tried once more.
    pub(crate) fn retry_renewal(&mut self, id: &str, card: &str) -> Result<Value, ApiError> {
        let mut it = self.document("subscription", id)?;
        expect(&it, &["incomplete", "past_due", "unpaid"], "retry")?;
        let invoice = self.pay_invoice(text(&it, "latest_invoice"), card)?;
        if text(&invoice, "status") == "paid" {
            it["status"] = json!("active");
            self.save_document(&it, &["customer.subscription.updated"]);
        }
        Ok(it)
    }

    /// Stripe has tried often enough, and the settings say what comes then.
    pub(crate) fn give_up_renewal(&mut self, id: &str, cancel: bool) -> Result<Value, ApiError> {
        let mut it = self.document("subscription", id)?;
        expect(&it, &["past_due"], "give up")?;
        if cancel {
            return self.end_subscription(it);
        }
        it["status"] = json!("unpaid");
        self.save_document(&it, &["customer.subscription.updated"]);
        Ok(it)
    }

    /// 23 hours without a first payment.
    pub(crate) fn expire_subscription(&mut self, id: &str) -> Result<Value, ApiError> {
        let mut it = self.document("subscription", id)?;
        expect(&it, &["incomplete"], "expire")?;
        self.void_invoice(text(&it, "latest_invoice"))?;
        it["status"] = json!("incomplete_expired");
        it["ended_at"] = json!(self.now);
        self.save_document(&it, &["customer.subscription.updated"]);
        Ok(it)
    }

    /// Three days before the end of a trial.
    pub(crate) fn announce_trial_end(&mut self, id: &str) -> Result<Value, ApiError> {
        let it = self.document("subscription", id)?;
        expect(&it, &["trialing"], "announce the end of the trial of")?;
        self.save_document(&it, &["customer.subscription.trial_will_end"]);
        Ok(it)
    }

    /// A trial ends without a method to pay with.
    pub(crate) fn pause_after_trial(&mut self, id: &str) -> Result<Value, ApiError> {
        let mut it = self.document("subscription", id)?;
        expect(&it, &["trialing"], "pause")?;
        it["status"] = json!("paused");
        let types = ["customer.subscription.paused", "customer.subscription.updated"];
        self.save_document(&it, &types);
        Ok(it)
    }

    pub(crate) fn resume_subscription(&mut self, id: &str) -> Result<Value, ApiError> {
        let mut it = self.document("subscription", id)?;
        expect(&it, &["paused"], "resume")?;
        it["status"] = json!("active");
        let types = ["customer.subscription.resumed", "customer.subscription.updated"];
        self.save_document(&it, &types);
        Ok(it)
    }

    pub(crate) fn cancel_at_period_end(&mut self, id: &str) -> Result<Value, ApiError> {
        let mut it = self.document("subscription", id)?;
        it["cancel_at_period_end"] = json!(true);
        it["cancel_at"] =
            it.pointer("/items/data/0/current_period_end").cloned().unwrap_or_default();
        it["canceled_at"] = json!(self.now);
        self.save_document(&it, &["customer.subscription.updated"]);
        Ok(it)
    }

    pub(crate) fn cancel_subscription(&mut self, id: &str) -> Result<Value, ApiError> {
        let it = self.document("subscription", id)?;
        if ["canceled", "incomplete_expired"].contains(&text(&it, "status")) {
            return Err(super::wrong_status(&it, "cancel"));
        }
        self.end_subscription(it)
    }

    /// A customer goes, and its subscriptions with it (docs.stripe.com, "Delete a customer").
    pub(in crate::actions) fn end_subscriptions_of(
        &mut self,
        customer: &str,
    ) -> Result<(), ApiError> {
        let is_live = |it: &&Value| {
            text(it, "object") == "subscription"
                && text(it, "customer") == customer
                && !["canceled", "incomplete_expired"].contains(&text(it, "status"))
        };
        let live: Vec<_> = self.books.documents.all().iter().filter(is_live).cloned().collect();
        live.into_iter().try_for_each(|it| self.end_subscription(it).map(drop))
    }

    /// Gone, as Stripe's event says, and still there to be read.
    fn end_subscription(&mut self, mut it: Value) -> Result<Value, ApiError> {
        it["status"] = json!("canceled");
        it["ended_at"] = json!(self.now);
        if it["canceled_at"].is_null() {
            it["canceled_at"] = json!(self.now);
        }
        self.save_document(&it, &["customer.subscription.deleted"]);
        Ok(it)
    }

    /// Other prices in the place of all that there were.
    pub(crate) fn replace_items(
        &mut self,
        id: &str,
        prices: &[(String, u64)],
    ) -> Result<Value, ApiError> {
        let mut it = self.document("subscription", id)?;
        let first = it.pointer("/items/data/0");
        let at = |field| first.and_then(|item| item.get(field)).and_then(Value::as_i64);
        let period = (
            at("current_period_start").unwrap_or(self.now),
            at("current_period_end").unwrap_or(self.now + PERIOD),
        );
        it["items"]["data"] = json!(self.new_items(id, prices, period)?);
        self.save_document(&it, &["customer.subscription.updated"]);
        Ok(it)
    }

    /// Stops or restarts the collection; the status stays.
    pub(crate) fn pause_collection(
        &mut self,
        id: &str,
        behavior: Option<&str>,
    ) -> Result<Value, ApiError> {
        let mut it = self.document("subscription", id)?;
        it["pause_collection"] = behavior
            .map_or(Value::Null, |behavior| json!({ "behavior": behavior, "resumes_at": null }));
        self.save_document(&it, &["customer.subscription.updated"]);
        Ok(it)
    }
}
