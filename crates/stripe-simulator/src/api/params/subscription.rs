//! Parameters of subscriptions and of the customer portal.

use serde_json::{Value, json};

use super::field::within;
use super::price::{item, new_price, quantity};
use crate::actions::{ItemChange, NewSubscription, PaymentBehavior, PriceOf, SubscriptionChange};
use crate::api::form::Form;
use crate::error::ApiError;

/// A subscription, with the prices of its items and its first card still to be looked up.
pub(crate) fn new_subscription(
    form: &Form,
) -> Result<(NewSubscription, Vec<(PriceOf, u64)>), ApiError> {
    form.allow_only(&[
        "application_fee_percent",
        "cancel_at_period_end",
        "collection_method",
        "currency",
        "customer",
        "default_payment_method",
        "description",
        "expand",
        "items",
        "metadata",
        "off_session",
        "on_behalf_of",
        "payment_behavior",
        "payment_settings",
        "proration_behavior",
        "transfer_data",
        "trial_end",
        "trial_period_days",
        "trial_settings",
    ])?;
    let customer = form.owned(&["customer"]);
    let items: Vec<_> = form
        .entries("items")
        .iter()
        .map(|(name, entry)| item(name, entry))
        .collect::<Result<_, _>>()?;
    if items.is_empty() {
        return Err(ApiError::missing_param("items"));
    }
    let payment_behavior = match form.text(&["payment_behavior"]) {
        None | Some("allow_incomplete") => PaymentBehavior::AllowIncomplete,
        Some("default_incomplete") => PaymentBehavior::DefaultIncomplete,
        Some("error_if_incomplete") => PaymentBehavior::ErrorIfIncomplete,
        Some(other) => {
            let message = format!(
                "Invalid payment_behavior: must be one of allow_incomplete, default_incomplete, or \
                 error_if_incomplete; got {other}"
            );
            return Err(ApiError::invalid(message).param("payment_behavior"));
        }
    };
    if let Some(method) = form.text(&["collection_method"])
        && method != "charge_automatically"
    {
        let message = "The simulator collects automatically alone.";
        return Err(ApiError::invalid(message).param("collection_method"));
    }
    let percent = form.text(&["application_fee_percent"]).map(|text| {
        let number = text.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
        number.ok_or_else(|| {
            ApiError::invalid(format!("Invalid decimal: {text}")).param("application_fee_percent")
        })
    });
    let saves = form.text(&["payment_settings", "save_default_payment_method"]);
    let mut metadata = form.metadata()?;
    metadata.retain(|_, value| !value.is_empty());
    let new = NewSubscription {
        customer: customer.ok_or_else(|| ApiError::missing_param("customer"))?,
        prices: Vec::new(),
        card: String::new(),
        trial_days: form.integer(&["trial_period_days"])?.filter(|days| *days > 0),
        trial_end: match form.text(&["trial_end"]) {
            Some("now") => None,
            _ => form.integer(&["trial_end"])?,
        },
        metadata,
        payment_behavior,
        default_payment_method: form.owned(&["default_payment_method"]),
        saves_method: saves == Some("on_subscription"),
        cancel_at_period_end: form.flag(&["cancel_at_period_end"])?,
        description: form.owned(&["description"]),
        transfer_destination: form.owned(&["transfer_data", "destination"]),
        application_fee_percent: percent.transpose()?,
        on_behalf_of: form.owned(&["on_behalf_of"]),
    };
    Ok((new, items))
}

/// A change of an item, and its price, still to be looked up or made.
pub(crate) type PricedChange = (ItemChange, Option<PriceOf>);

/// A change of a subscription; its items with inline prices still to be made.
pub(crate) fn subscription_change(
    form: &Form,
) -> Result<(SubscriptionChange, Vec<PricedChange>), ApiError> {
    form.allow_only(&[
        "cancel_at_period_end",
        "default_payment_method",
        "description",
        "expand",
        "items",
        "metadata",
        "off_session",
        "pause_collection",
        "payment_behavior",
        "proration_behavior",
    ])?;
    let mut items = Vec::new();
    for (name, entry) in form.entries("items") {
        entry
            .allow_only(&[
                "clear_usage",
                "deleted",
                "id",
                "metadata",
                "price",
                "price_data",
                "quantity",
            ])
            .map_err(|error| within(&name, error))?;
        let price = match entry.owned(&["price"]) {
            Some(id) => Some(PriceOf::Id(id)),
            None if entry.has("price_data") => {
                let data = new_price(&entry.under("price_data"));
                let name = format!("{name}[price_data]");
                Some(PriceOf::Inline(data.map_err(|error| within(&name, error))?))
            }
            None => None,
        };
        let change = ItemChange {
            id: entry.owned(&["id"]),
            price: None,
            quantity: quantity(&name, &entry)?,
            deleted: entry.flag(&["deleted"])?,
        };
        items.push((change, price));
    }
    let cancel = form.has("cancel_at_period_end");
    let pauses = form.has("pause_collection");
    let change = SubscriptionChange {
        items: Vec::new(),
        cancel_at_period_end: match cancel {
            true => Some(form.flag(&["cancel_at_period_end"])?),
            false => None,
        },
        default_payment_method: form.owned(&["default_payment_method"]),
        description: form.owned(&["description"]),
        metadata: form.metadata()?,
        pause_collection: pauses.then(|| form.owned(&["pause_collection", "behavior"])),
    };
    Ok((change, items))
}

/// A session of the customer portal, as the API shows it, without its id.
pub(crate) fn new_portal(form: &Form) -> Result<Value, ApiError> {
    form.allow_only(&[
        "configuration",
        "customer",
        "expand",
        "flow_data",
        "locale",
        "on_behalf_of",
        "return_url",
    ])?;
    let customer = form.text(&["customer"]).ok_or_else(|| ApiError::missing_param("customer"))?;
    Ok(json!({
        "object": "billing_portal.session",
        "configuration": form.text(&["configuration"]).unwrap_or("bpc_1Simulator"),
        "customer": customer,
        "flow": null,
        "locale": form.text(&["locale"]),
        "on_behalf_of": form.text(&["on_behalf_of"]),
        "return_url": form.text(&["return_url"]),
    }))
}
