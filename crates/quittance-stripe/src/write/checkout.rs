//! Forms of checkout sessions.

use std::collections::HashMap;

use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAllowedPaymentMethodTypes,
    CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
    CreateCheckoutSessionLineItemsPriceDataRecurring, CreateCheckoutSessionPaymentIntentData,
    CreateCheckoutSessionPaymentIntentDataTransferData, CreateCheckoutSessionSetupIntentData,
    CreateCheckoutSessionSubscriptionData, ExpireCheckoutSession, ProductData,
};
use stripe_client_core::{RequestBuilder, StripeRequest as _};

use crate::word::word;
use quittance_domain::command::params::{LineItem, NewCheckout, SessionMode};

/// A session. What it makes carries its metadata, too.
pub(super) fn new_checkout(
    params: &NewCheckout,
    metadata: &HashMap<String, String>,
) -> RequestBuilder {
    let mode: stripe_shared::CheckoutSessionMode = word(params.mode.as_str());
    let mut it = CreateCheckoutSession::new()
        .mode(mode)
        .success_url(params.success_url.clone())
        .metadata(metadata.clone());
    if !params.line_items.is_empty() {
        it = it.line_items(params.line_items.iter().map(line_item).collect::<Vec<_>>());
    }
    if !params.method_types().is_empty() {
        let types = params.method_types().iter().map(|text| word(text));
        it = it.allowed_payment_method_types(
            types.collect::<Vec<CreateCheckoutSessionAllowedPaymentMethodTypes>>(),
        );
    }
    match params.mode {
        SessionMode::Payment => {
            let mut data = CreateCheckoutSessionPaymentIntentData::new();
            data.metadata = Some(metadata.clone());
            if let Some(given) = &params.payment_intent_data {
                data.application_fee_amount = given.application_fee_amount;
                data.setup_future_usage = given.setup_future_usage.map(|it| word(it.as_str()));
                data.transfer_data = given.transfer_data.as_ref().map(|transfer| {
                    let destination = transfer.destination.clone();
                    CreateCheckoutSessionPaymentIntentDataTransferData::new(destination)
                });
            }
            it = it.payment_intent_data(data);
        }
        SessionMode::Setup => {
            let mut data = CreateCheckoutSessionSetupIntentData::new();
            data.metadata = Some(metadata.clone());
            it = it.setup_intent_data(data);
        }
        SessionMode::Subscription => {
            let mut data = CreateCheckoutSessionSubscriptionData::new();
            data.metadata = Some(metadata.clone());
            it = it.subscription_data(data);
        }
    }
    if let Some(currency) = &params.currency {
        it = it.currency(word::<stripe_types::Currency>(currency));
    }
    type Set = fn(CreateCheckoutSession, String) -> CreateCheckoutSession;
    let texts: [(&Option<String>, Set); 3] = [
        (&params.cancel_url, CreateCheckoutSession::cancel_url),
        (&params.customer, CreateCheckoutSession::customer),
        (&params.reference, CreateCheckoutSession::client_reference_id),
    ];
    for (text, set) in texts {
        if let Some(text) = text {
            it = set(it, text.clone());
        }
    }
    it.build()
}

fn line_item(item: &LineItem) -> CreateCheckoutSessionLineItems {
    let mut it = CreateCheckoutSessionLineItems::new();
    it.price.clone_from(&item.price);
    it.quantity = Some(u64::from(item.quantity.unwrap_or(1)));
    it.price_data = item.price_data.as_ref().map(|given| {
        let currency: stripe_types::Currency = word(&given.currency);
        let mut data = CreateCheckoutSessionLineItemsPriceData::new(currency);
        data.unit_amount = Some(given.unit_amount);
        data.product.clone_from(&given.product);
        data.product_data =
            given.product_data.as_ref().map(|product| ProductData::new(product.name.clone()));
        data.recurring = given.recurring.as_ref().map(|given| {
            let interval: stripe_checkout::checkout_session::CreateCheckoutSessionLineItemsPriceDataRecurringInterval =
                word(given.interval.as_str());
            let mut recurring = CreateCheckoutSessionLineItemsPriceDataRecurring::new(interval);
            recurring.interval_count = given.interval_count;
            recurring
        });
        data
    });
    it
}

pub(super) fn expire_checkout(id: String) -> RequestBuilder {
    ExpireCheckoutSession::new(id).build()
}
