//! Subscriptions: begun, renewed or not, changed, ended.

use serde_json::{Value, json};

use crate::actions::setups::NewSetup;
use crate::error::ApiError;
use crate::objects::{CardBehaviour, Metadata, NewPayment, text};
use crate::store::Tx;

use super::documents::{expect, wrong_status};

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
    /// The second at which a trial ends, in the place of `trial_days`.
    pub trial_end: Option<i64>,
    /// The team's own keys and values.
    pub metadata: Metadata,
    /// What happens while the first payment is not made.
    pub payment_behavior: PaymentBehavior,
    /// The saved method that later invoices are charged to.
    pub default_payment_method: Option<String>,
    /// Whether the method of the first payment becomes the default one
    /// (`payment_settings[save_default_payment_method]=on_subscription`).
    pub saves_method: bool,
    /// Whether it ends with its first period.
    pub cancel_at_period_end: bool,
    /// A text for people.
    pub description: Option<String>,
    /// The connected account that the payments go to.
    pub transfer_destination: Option<String>,
    /// What the platform keeps of them.
    pub application_fee_percent: Option<f64>,
    /// The account on whose behalf the payments are made.
    pub on_behalf_of: Option<String>,
}

/// What becomes of a subscription whose first payment is not made at once (docs.stripe.com, "How
/// subscriptions work", Payment behavior).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PaymentBehavior {
    /// The card is tried; if it fails, the subscription is incomplete.
    #[default]
    AllowIncomplete,
    /// The subscription is incomplete until the customer pays its first invoice.
    DefaultIncomplete,
    /// The card is tried; if it fails, there is no subscription.
    ErrorIfIncomplete,
}

/// `POST /v1/subscriptions/{id}`: what is none stays as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct SubscriptionChange {
    pub(crate) items: Vec<ItemChange>,
    pub(crate) cancel_at_period_end: Option<bool>,
    pub(crate) default_payment_method: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Metadata,
    /// Some(None): collection goes on.
    pub(crate) pause_collection: Option<Option<String>>,
}

/// One entry of `items`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ItemChange {
    /// The item that changes; none: a new one.
    pub(crate) id: Option<String>,
    /// The id of a price.
    pub(crate) price: Option<String>,
    pub(crate) quantity: Option<u64>,
    pub(crate) deleted: bool,
}

impl Tx<'_> {
    pub(crate) fn subscribe(&mut self, new: NewSubscription) -> Result<Value, ApiError> {
        let trial_end = new.trial_end.or(new.trial_days.map(|days| self.now + days * DAY));
        if new.payment_behavior == PaymentBehavior::ErrorIfIncomplete && trial_end.is_none() {
            self.check_first_payment(&new.card)?;
        }
        let id = self.ids.mint("sub");
        let period = (self.now, trial_end.unwrap_or(self.now + PERIOD));
        let items = self.new_items(&id, &new.prices, period)?;
        let currency = items.first().map(|item| item["price"]["currency"].clone());
        let cancel_at = new.cancel_at_period_end.then_some(period.1);
        let mut subscription = json!({
            "id": id,
            "object": "subscription",
            "automatic_tax": { "enabled": false, "disabled_reason": null, "liability": null },
            "billing_cycle_anchor": period.1,
            "billing_mode": { "type": "classic" },
            "billing_schedules": [],
            "application_fee_percent": new.application_fee_percent,
            "cancel_at": cancel_at,
            "cancel_at_period_end": new.cancel_at_period_end,
            "canceled_at": cancel_at.map(|_| self.now),
            "cancellation_details": { "comment": null, "feedback": null, "reason": null },
            "collection_method": "charge_automatically",
            "created": self.now,
            "currency": currency,
            "customer": new.customer,
            "default_payment_method": new.default_payment_method,
            "description": new.description,
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
            "on_behalf_of": new.on_behalf_of,
            "pause_collection": null,
            "payment_settings": {
                "payment_method_options": null,
                "payment_method_types": null,
                "save_default_payment_method":
                    if new.saves_method { "on_subscription" } else { "off" },
            },
            "pending_setup_intent": null,
            "pending_update": null,
            "schedule": null,
            "start_date": self.now,
            "status": if trial_end.is_some() { "trialing" } else { "incomplete" },
            "transfer_data": new.transfer_destination.as_ref()
                .map(|destination| json!({ "amount_percent": null, "destination": destination })),
            "trial_end": trial_end,
            "trial_start": trial_end.map(|_| self.now),
        });
        if let (Value::Object(fields), Value::Object(rest)) = (&mut subscription, rest) {
            fields.extend(rest);
        }
        if trial_end.is_some() {
            self.begin_trial(&mut subscription, &new)?;
            self.save_document(&subscription, &["customer.subscription.created"]);
            return Ok(subscription);
        }
        if new.payment_behavior == PaymentBehavior::DefaultIncomplete {
            self.bill_incomplete(&mut subscription, &new)?;
            self.save_document(&subscription, &["customer.subscription.created"]);
            return Ok(subscription);
        }
        self.save_document(&subscription, &["customer.subscription.created"]);
        if self.bill(&mut subscription, "subscription_create", &new.card)? {
            subscription["status"] = json!("active");
        }
        self.save_document(&subscription, &["customer.subscription.updated"]);
        Ok(subscription)
    }

    /// Refuses a card that would not pay at once.
    fn check_first_payment(&mut self, card: &str) -> Result<(), ApiError> {
        match self.create_method(card)?.card.behaviour {
            CardBehaviour::Declines(why) | CardBehaviour::DeclinesWhenCharged(why) => {
                Err(why.error())
            }
            CardBehaviour::AuthenticationRequired
            | CardBehaviour::AuthenticationRequiredUntilSetUp
            | CardBehaviour::DeclinesAfterAuthentication(_) => Err(ApiError::new(
                402,
                "card_error",
                "Payment for this subscription requires additional user action before it can be \
                 completed successfully. Payment can be completed using the PaymentIntent associated \
                 with subscription.latest_invoice.",
            )
            .code("subscription_payment_intent_requires_action")),
            CardBehaviour::Succeeds | CardBehaviour::BankDebit => Ok(()),
        }
    }

    /// A trial has an invoice over nothing, which is paid at once, and where there is nothing to pay
    /// later invoices with, a setup.
    fn begin_trial(&mut self, it: &mut Value, new: &NewSubscription) -> Result<(), ApiError> {
        if new.payment_behavior != PaymentBehavior::DefaultIncomplete {
            return Ok(());
        }
        self.bill_incomplete_amount(it, new, 0)?;
        if new.default_payment_method.is_none() {
            let setup = self.create_setup(NewSetup {
                customer: Some(new.customer.clone()),
                ..NewSetup::default()
            })?;
            let mut setup = self.setup(&setup)?;
            setup.subscription = Some(text(it, "id").to_owned());
            it["pending_setup_intent"] = json!(setup.id);
            self.objects.setup_intents.put(&setup.id.clone(), setup);
        }
        Ok(())
    }

    /// Invoices what the items cost, for the customer to pay.
    fn bill_incomplete(&mut self, it: &mut Value, new: &NewSubscription) -> Result<(), ApiError> {
        let amount = cost(it);
        self.bill_incomplete_amount(it, new, amount)
    }

    fn bill_incomplete_amount(
        &mut self,
        it: &mut Value,
        new: &NewSubscription,
        amount: i64,
    ) -> Result<(), ApiError> {
        let currency = text(it, "currency").to_owned();
        let subscription = Some(text(it, "id"));
        let reason = "subscription_create";
        let invoice = self.new_invoice(&new.customer, subscription, amount, &currency, reason);
        it["latest_invoice"] = invoice["id"].clone();
        let id = text(&invoice, "id").to_owned();
        let mut invoice = self.finalize_invoice(&id)?;
        if amount == 0 {
            self.pay_invoice(&id, "")?;
            if text(it, "status") == "incomplete" {
                it["status"] = json!("active");
            }
            return Ok(());
        }
        let payment = self.create_payment(NewPayment {
            amount,
            currency,
            customer: Some(new.customer.clone()),
            payment_method: new.default_payment_method.clone(),
            description: Some("Subscription creation".to_owned()),
            setup_future_usage: new.saves_method.then(|| "off_session".to_owned()),
            transfer_destination: new.transfer_destination.clone(),
            on_behalf_of: new.on_behalf_of.clone(),
            ..NewPayment::default()
        })?;
        let payment = self.payment(&payment)?;
        self.add_invoice_payment(&mut invoice, payment, amount);
        self.objects.documents.put(&id, invoice);
        Ok(())
    }

    /// What it waited for was paid.
    pub(super) fn subscription_paid(&mut self, id: &str, method: Option<&str>) {
        let Ok(mut it) = self.document("subscription", id) else { return };
        if !["incomplete", "past_due", "unpaid"].contains(&text(&it, "status")) {
            return;
        }
        it["status"] = json!("active");
        let saves = it.pointer("/payment_settings/save_default_payment_method");
        if saves == Some(&json!("on_subscription")) {
            it["default_payment_method"] = json!(method);
        }
        self.save_document(&it, &["customer.subscription.updated"]);
    }

    /// A method was set up for its later invoices.
    pub(in crate::actions) fn subscription_set_up(
        &mut self,
        id: &str,
        method: &str,
    ) -> Result<(), ApiError> {
        let mut it = self.document("subscription", id)?;
        it["pending_setup_intent"] = Value::Null;
        it["default_payment_method"] = json!(method);
        self.save_document(&it, &["customer.subscription.updated"]);
        Ok(())
    }

    pub(crate) fn update_subscription(
        &mut self,
        id: &str,
        change: SubscriptionChange,
    ) -> Result<Value, ApiError> {
        let mut it = self.document("subscription", id)?;
        if ["canceled", "incomplete_expired"].contains(&text(&it, "status")) {
            return Err(ApiError::invalid(
                "A canceled subscription can only update its cancellation_details and metadata.",
            ));
        }
        let items = self.changed_items(&it, change.items)?;
        it["items"]["data"] = json!(items);
        match change.cancel_at_period_end {
            Some(true) => {
                it["cancel_at"] = end_of_period(&it);
                it["canceled_at"] = json!(self.now);
            }
            Some(false) => {
                it["cancel_at"] = Value::Null;
                it["canceled_at"] = Value::Null;
            }
            None => {}
        }
        if let Some(flag) = change.cancel_at_period_end {
            it["cancel_at_period_end"] = json!(flag);
        }
        if let Some(method) = change.default_payment_method {
            it["default_payment_method"] = json!(self.payment_method(&method)?.id);
        }
        if let Some(description) = change.description {
            it["description"] = json!(description);
        }
        if let Some(behavior) = change.pause_collection {
            it["pause_collection"] =
                json!(behavior.map(|it| json!({ "behavior": it, "resumes_at": null })));
        }
        for (key, value) in change.metadata {
            if let Some(metadata) = it["metadata"].as_object_mut() {
                match value.is_empty() {
                    true => drop(metadata.remove(&key)),
                    false => drop(metadata.insert(key, json!(value))),
                }
            }
        }
        self.save_document(&it, &["customer.subscription.updated"]);
        Ok(it)
    }

    fn changed_items(
        &mut self,
        it: &Value,
        changes: Vec<ItemChange>,
    ) -> Result<Vec<Value>, ApiError> {
        let mut items = it.pointer("/items/data").and_then(Value::as_array).cloned();
        let items = items.get_or_insert_default();
        let period = period_of(it, self.now);
        for change in changes {
            let Some(id) = &change.id else {
                let price = change.price.ok_or_else(|| ApiError::missing_param("items[price]"))?;
                let new = [(price, change.quantity.unwrap_or(1))];
                items.extend(self.new_items(text(it, "id"), &new, period)?);
                continue;
            };
            let place = items.iter().position(|item| text(item, "id") == id);
            let place =
                place.ok_or_else(|| ApiError::no_such_param("subscription_item", id, "items"))?;
            if change.deleted {
                items.remove(place);
                continue;
            }
            let Some(item) = items.get_mut(place) else { continue };
            if let Some(price) = &change.price {
                let new = [(price.clone(), change.quantity.unwrap_or(1))];
                let new = self.new_items(text(it, "id"), &new, period)?.remove(0);
                item["price"] = new["price"].clone();
                item["plan"] = new["plan"].clone();
            }
            if let Some(quantity) = change.quantity {
                item["quantity"] = json!(quantity);
            }
        }
        if items.is_empty() {
            return Err(ApiError::invalid("A subscription must have at least one active plan."));
        }
        Ok(std::mem::take(items))
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
        let amount = cost(it);
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
        it["cancel_at"] = end_of_period(&it);
        it["canceled_at"] = json!(self.now);
        self.save_document(&it, &["customer.subscription.updated"]);
        Ok(it)
    }

    pub(crate) fn cancel_subscription(&mut self, id: &str) -> Result<Value, ApiError> {
        let it = self.document("subscription", id)?;
        if ["canceled", "incomplete_expired"].contains(&text(&it, "status")) {
            return Err(wrong_status(&it, "cancel"));
        }
        if text(&it, "status") == "incomplete" {
            self.void_invoice(text(&it, "latest_invoice"))?;
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
        let live: Vec<_> = self.objects.documents.all().iter().filter(is_live).cloned().collect();
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
        let period = period_of(&it, self.now);
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

/// Cost of the items for a period.
fn cost(subscription: &Value) -> i64 {
    let items = subscription.pointer("/items/data").and_then(Value::as_array);
    let costs = items.into_iter().flatten().map(|item| {
        let unit = item["price"]["unit_amount"].as_i64().unwrap_or(0);
        unit * item["quantity"].as_i64().unwrap_or(1)
    });
    costs.sum()
}

/// The period of the first item.
fn period_of(subscription: &Value, now: i64) -> (i64, i64) {
    let first = subscription.pointer("/items/data/0");
    let at = |field| first.and_then(|item| item.get(field)).and_then(Value::as_i64);
    (at("current_period_start").unwrap_or(now), at("current_period_end").unwrap_or(now + PERIOD))
}

fn end_of_period(subscription: &Value) -> Value {
    subscription.pointer("/items/data/0/current_period_end").cloned().unwrap_or_default()
}
