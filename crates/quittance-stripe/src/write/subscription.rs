//! Forms of subscriptions and of the customer portal.

use std::collections::HashMap;

use serde::Serialize;
use stripe_billing::subscription::{
    CancelSubscription as CancelRequest, CreateSubscription, CreateSubscriptionItems,
    CreateSubscriptionPaymentBehavior, CreateSubscriptionPaymentSettings,
    CreateSubscriptionPaymentSettingsSaveDefaultPaymentMethod, CreateSubscriptionTrialEnd,
    UpdateSubscription as UpdateRequest, UpdateSubscriptionItems,
    UpdateSubscriptionPaymentBehavior, UpdateSubscriptionProrationBehavior,
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest as _};

use crate::client_secret::completed_by;
use crate::word::word;
use quittance_domain::command::params::{
    CancelSubscription, NewPortalSession, NewSubscription, SubscriptionItemChange,
    UpdateSubscription,
};
use quittance_domain::command::text_limits::UPDATE_KEY;

pub(super) fn new_subscription(
    params: &NewSubscription,
    metadata: HashMap<String, String>,
) -> RequestBuilder {
    let items: Vec<_> = params
        .items
        .iter()
        .map(|item| {
            let mut it = CreateSubscriptionItems::new();
            it.price = Some(item.price.clone());
            it.quantity = item.quantity.map(u64::from);
            it
        })
        .collect();
    let saves: CreateSubscriptionPaymentSettingsSaveDefaultPaymentMethod =
        word(params.saves_method().as_str());
    let mut settings = CreateSubscriptionPaymentSettings::new();
    settings.save_default_payment_method = Some(saves);
    let behavior: CreateSubscriptionPaymentBehavior = word(params.payment_behavior.as_str());
    let mut it = CreateSubscription::new()
        .customer(params.customer.clone())
        .items(items)
        .payment_behavior(behavior)
        .payment_settings(settings)
        .metadata(metadata)
        .expand(completed_by());
    if let Some(method) = &params.default_payment_method {
        it = it.default_payment_method(method.clone());
    }
    if params.off_session {
        it = it.off_session(true);
    }
    if let Some(days) = params.trial_period_days {
        it = it.trial_period_days(days);
    }
    if let Some(end) = params.trial_end {
        it = it.trial_end(CreateSubscriptionTrialEnd::Timestamp(end));
    }
    if params.cancel_at_period_end {
        it = it.cancel_at_period_end(true);
    }
    it.build()
}

/// `items`: those of the parameters, with the id of the only item where they give its quantity alone.
pub(super) fn update_subscription(
    id: String,
    params: &UpdateSubscription,
    command: &str,
) -> RequestBuilder {
    let mut metadata: HashMap<String, String> =
        params.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    metadata.insert(UPDATE_KEY.to_owned(), command.to_owned());
    let mut it = UpdateRequest::new(id).metadata(metadata).expand(completed_by());
    if !params.items.is_empty() {
        it = it.items(params.items.iter().map(item_change).collect::<Vec<_>>());
    }
    if let Some(cancel) = params.cancel_at_period_end {
        it = it.cancel_at_period_end(cancel);
    }
    if let Some(method) = &params.default_payment_method {
        it = it.default_payment_method(method.clone());
    }
    if let Some(proration) = params.proration_behavior {
        it = it.proration_behavior(word::<UpdateSubscriptionProrationBehavior>(proration.as_str()));
    }
    if let Some(behavior) = params.payment_behavior {
        it = it.payment_behavior(word::<UpdateSubscriptionPaymentBehavior>(behavior.as_str()));
    }
    if params.off_session {
        it = it.off_session(true);
    }
    it.build()
}

fn item_change(change: &SubscriptionItemChange) -> UpdateSubscriptionItems {
    let mut it = UpdateSubscriptionItems::new();
    it.id.clone_from(&change.id);
    it.price.clone_from(&change.price);
    it.quantity = change.quantity.map(u64::from);
    it.deleted = change.deleted.then_some(true);
    it
}

pub(super) fn cancel_subscription(id: String, params: &CancelSubscription) -> RequestBuilder {
    let mut it = CancelRequest::new(id);
    if let Some(now) = params.invoice_now {
        it = it.invoice_now(now);
    }
    if let Some(prorate) = params.prorate {
        it = it.prorate(prorate);
    }
    it.build()
}

/// async-stripe's own is behind a feature that brings all of the portal's configuration.
pub(super) fn portal_session(params: &NewPortalSession) -> RequestBuilder {
    #[derive(Serialize)]
    struct Form<'a> {
        customer: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        return_url: Option<&'a str>,
    }
    let form = Form { customer: &params.customer, return_url: params.return_url.as_deref() };
    RequestBuilder::new(StripeMethod::Post, "/billing_portal/sessions").form(&form)
}
