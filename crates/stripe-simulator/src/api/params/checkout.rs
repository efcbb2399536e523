//! Parameters of checkout sessions.

use super::field::{email, methods, within};
use super::payment::payment_data;
use super::price::item;
use crate::actions::{NewCheckout, PriceOf};
use crate::api::form::Form;
use crate::error::ApiError;
use crate::objects::{AfterCheckout, CheckoutMode};

/// A checkout session, with the prices of its items still to be looked up.
pub(crate) fn new_checkout(form: &Form) -> Result<(NewCheckout, Vec<(PriceOf, u64)>), ApiError> {
    form.allow_only(&[
        "allow_promotion_codes",
        "allowed_payment_method_types",
        "automatic_payment_methods",
        "billing_address_collection",
        "cancel_url",
        "client_reference_id",
        "currency",
        "customer",
        "customer_creation",
        "customer_email",
        "expand",
        "expires_at",
        "line_items",
        "locale",
        "metadata",
        "mode",
        "payment_intent_data",
        "payment_method_types",
        "setup_intent_data",
        "submit_type",
        "subscription_data",
        "success_url",
        "ui_mode",
    ])?;
    let mode = match form.text(&["mode"]) {
        Some("payment") => CheckoutMode::Payment,
        Some("setup") => CheckoutMode::Setup,
        Some("subscription") => CheckoutMode::Subscription,
        Some(other) => {
            let message = format!(
                "Invalid mode: must be one of payment, setup, or subscription; got {other}"
            );
            return Err(ApiError::invalid(message).param("mode"));
        }
        None => return Err(ApiError::missing_param("mode")),
    };
    let items: Vec<_> = form
        .entries("line_items")
        .iter()
        .map(|(name, entry)| item(name, entry))
        .collect::<Result<_, _>>()?;
    match (mode, items.is_empty()) {
        (CheckoutMode::Setup, false) => {
            let message = "You can not pass `line_items` in `setup` mode.";
            return Err(ApiError::invalid(message).param("line_items"));
        }
        (CheckoutMode::Payment | CheckoutMode::Subscription, true) => {
            return Err(ApiError::missing_param("line_items"));
        }
        (CheckoutMode::Setup, true)
        | (CheckoutMode::Payment | CheckoutMode::Subscription, false) => {}
    }
    for (name, wanted) in [
        ("payment_intent_data", CheckoutMode::Payment),
        ("setup_intent_data", CheckoutMode::Setup),
        ("subscription_data", CheckoutMode::Subscription),
    ] {
        if form.has(name) && mode != wanted {
            let message = format!("You can not pass `{name}` in `{}` mode.", mode.as_str());
            return Err(ApiError::invalid(message).param(name));
        }
    }
    if mode == CheckoutMode::Setup && !form.has("payment_method_types") && !form.has("currency") {
        return Err(ApiError::missing_param("currency"));
    }
    let success_url = form.owned(&["success_url"]);
    let success_url = success_url.ok_or_else(|| ApiError::missing_param("success_url"))?;
    let payment = form.under("payment_intent_data");
    let named = |error| within("payment_intent_data", error);
    let new = NewCheckout {
        mode,
        amount: 0,
        currency: form.owned(&["currency"]).unwrap_or_default(),
        customer: form.owned(&["customer"]),
        client_reference_id: form.owned(&["client_reference_id"]),
        metadata: form.metadata()?,
        customer_email: email(form, "customer_email")?,
        prices: Vec::new(),
        success_url: Some(success_url),
        cancel_url: form.owned(&["cancel_url"]),
        expires_at: form.integer(&["expires_at"])?,
        methods: methods(form)?,
        then: AfterCheckout {
            payment: payment_data(&payment).map_err(named)?,
            subscription_metadata: form.under("subscription_data").metadata()?,
            trial_days: form.integer(&["subscription_data", "trial_period_days"])?,
            setup_metadata: form.under("setup_intent_data").metadata()?,
        },
    };
    Ok((new, items))
}
