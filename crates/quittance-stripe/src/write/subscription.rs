//! Requests about subscriptions and the customer portal, and what completes a subscription in a browser.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use stripe_billing::subscription::{
    CancelSubscription as CancelRequest, CreateSubscription, CreateSubscriptionItems,
    CreateSubscriptionPaymentBehavior, CreateSubscriptionPaymentSettings,
    CreateSubscriptionPaymentSettingsSaveDefaultPaymentMethod, CreateSubscriptionTrialEnd,
    RetrieveSubscription, UpdateSubscription as UpdateRequest, UpdateSubscriptionItems,
    UpdateSubscriptionPaymentBehavior, UpdateSubscriptionProrationBehavior,
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest as _};

use super::client_secret::{ClientSecret, Completes};
use super::word::word;
use quittance_domain::command::portal::NewPortalSession;
use quittance_domain::command::subscription::{
    CancelSubscription, NewSubscription, SubscriptionItemChange, UpdateSubscription,
};
use quittance_domain::command::text_limits::UPDATE_KEY;

/// What shows how a subscription is completed: the payment of its latest invoice (docs.stripe.com, "Build a
/// subscriptions integration"), or after a trial without payment the setup of a method.
const COMPLETED_BY: [&str; 2] = ["latest_invoice.confirmation_secret", "pending_setup_intent"];

fn completed_by() -> Vec<String> {
    COMPLETED_BY.iter().map(|path| (*path).to_owned()).collect()
}

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

/// The request for a subscription with what completes it.
pub(super) fn with_secret(id: String) -> RequestBuilder {
    RetrieveSubscription::new(id).expand(completed_by()).build()
}

/// What completes a subscription in a browser: its open invoice is paid, or a method is set up. None where
/// nothing is to be confirmed.
pub(super) fn secret_of(subscription: &Value) -> Option<ClientSecret> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let invoice = &subscription["latest_invoice"];
    let payment = text(&invoice["confirmation_secret"]["client_secret"]);
    if let Some(payment) = payment.filter(|_| invoice["status"] == "open") {
        return Some(ClientSecret::new(payment, Completes::Payment));
    }
    let setup = &subscription["pending_setup_intent"];
    let over = setup["status"] == "succeeded" || setup["status"] == "canceled";
    let setup = text(&setup["client_secret"]).filter(|_| !over);
    setup.map(|setup| ClientSecret::new(setup, Completes::Setup))
}

/// Puts the ids in the place of the objects that were asked for along with the subscription, as it is shown
/// when it is asked for by itself.
pub(super) fn fold(subscription: &mut Value) {
    for path in COMPLETED_BY {
        let name = path.split('.').next().unwrap_or(path);
        let field = subscription.get_mut(name);
        if let Some(field) = field
            && let Some(id) = field.get("id").cloned()
        {
            *field = id;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(subscription: Value) -> Option<(String, &'static str)> {
        let found = secret_of(&subscription)?;
        Some((found.reveal().to_owned(), found.completes().as_str()))
    }

    #[test]
    fn a_subscription_is_completed_by_the_payment_of_its_open_invoice_or_by_a_setup() {
        let invoice = |status: &str| {
            json!({"id": "in_1", "status": status,
                   "confirmation_secret": {"client_secret": "pi_1_secret_x", "type": "payment_intent"}})
        };
        let setup = |status: &str| json!({"id": "seti_1", "status": status, "client_secret": "seti_1_secret_x"});
        let payment = Some(("pi_1_secret_x".to_owned(), "payment"));
        assert_eq!(secret(json!({"latest_invoice": invoice("open")})), payment);
        assert_eq!(secret(json!({"latest_invoice": invoice("paid")})), None);
        assert_eq!(secret(json!({"latest_invoice": invoice("void")})), None);
        let trial = json!({
            "latest_invoice": {"id": "in_1", "status": "paid", "confirmation_secret": null},
            "pending_setup_intent": setup("requires_payment_method"),
        });
        assert_eq!(secret(trial), Some(("seti_1_secret_x".to_owned(), "setup")));
        assert_eq!(secret(json!({"pending_setup_intent": setup("succeeded")})), None);
        assert_eq!(secret(json!({"latest_invoice": "in_1", "pending_setup_intent": null})), None);
    }

    #[test]
    fn what_was_asked_for_along_with_it_becomes_its_id_again() {
        let mut it = json!({
            "latest_invoice": {"id": "in_1", "confirmation_secret": {"client_secret": "x"}},
            "pending_setup_intent": null, "status": "active",
        });
        fold(&mut it);
        let expected =
            json!({"latest_invoice": "in_1", "pending_setup_intent": null, "status": "active"});
        assert_eq!(it, expected);
    }
}
