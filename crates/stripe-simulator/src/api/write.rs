//! Requests that change something.

use serde_json::Value;

use crate::actions::{ItemChange, NewCheckout, NewSubscription, PaymentBehavior, PriceOf};
use crate::error::ApiError;
use crate::objects::{show_document, text};
use crate::store::Tx;

use super::call::Call;
use super::form::Form;
use super::params;
use super::read::{show_payment, show_session};

/// Does what a POST asks.
pub(crate) fn write(tx: &mut Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = &call.form;
    match call.segments().as_slice() {
        ["v1", "payment_intents", ..] | ["v1", "refunds", ..] => write_payment(tx, call),
        ["v1", "setup_intents"] => {
            let new = params::new_setup(form)?;
            begin(tx, new.customer.as_deref())?;
            let id = tx.create_setup(new)?;
            Ok(tx.setup(&id)?.render())
        }
        ["v1", "setup_intents", id, "confirm"] => {
            let (method, return_url) = params::confirm_setup(form)?;
            begin(tx, None)?;
            tx.confirm_setup(id, method.as_deref(), return_url)?;
            Ok(tx.setup(id)?.render())
        }
        ["v1", "setup_intents", id, "cancel"] => {
            let reason = params::cancellation_reason(form)?;
            begin(tx, None)?;
            tx.cancel_setup(id, reason.as_deref())?;
            Ok(tx.setup(id)?.render())
        }
        ["v1", "checkout", "sessions"] => {
            let (new, items) = params::new_checkout(form)?;
            begin(tx, new.customer.as_deref())?;
            let prices = prices(tx, items)?;
            let id = tx.open_checkout(NewCheckout { prices, ..new })?;
            show_session(tx, form, &id)
        }
        ["v1", "checkout", "sessions", id, "expire"] => {
            form.allow_only(&["expand"])?;
            begin(tx, None)?;
            tx.expire_checkout(id)?;
            show_session(tx, form, id)
        }
        ["v1", "subscriptions"] => subscribe(tx, form),
        ["v1", "subscriptions", id] => {
            let (mut change, items) = params::subscription_change(form)?;
            begin(tx, None)?;
            for (item, price) in items {
                let price = price.map(|price| tx.price_of(price)).transpose()?;
                change.items.push(ItemChange { price, ..item });
            }
            let it = tx.update_subscription(id, change)?;
            Ok(show_document(&it, form.list("expand")))
        }
        ["v1", "billing_portal", "sessions"] => {
            let session = params::new_portal(form)?;
            begin(tx, Some(text(&session, "customer")))?;
            Ok(tx.open_portal(session))
        }
        ["v1", "customers", ..] | ["v1", "payment_methods", ..] => write_customer(tx, call),
        ["v1", "products"] => {
            let (id, name) = params::new_product(form)?;
            begin(tx, None)?;
            tx.create_product(id.as_deref(), &name)
        }
        ["v1", "prices"] => {
            let new = params::new_price(form)?;
            begin(tx, None)?;
            tx.add_price(new)
        }
        ["simulator", ..] => happen(tx, call),
        _ => Err(call.unknown()),
    }
}

fn write_payment(tx: &mut Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = &call.form;
    match call.segments().as_slice() {
        ["v1", "payment_intents"] => {
            let new = params::new_payment(form)?;
            begin(tx, new.customer.as_deref())?;
            let id = tx.create_payment(new)?;
            show_payment(tx, &id)
        }
        ["v1", "payment_intents", id, "confirm"] => {
            let how = params::confirm(form)?;
            begin(tx, None)?;
            tx.confirm_payment(id, how)?;
            show_payment(tx, id)
        }
        ["v1", "payment_intents", id, "capture"] => {
            let amount = params::amount_to_capture(form)?;
            begin(tx, None)?;
            tx.capture_payment(id, amount)?;
            show_payment(tx, id)
        }
        ["v1", "payment_intents", id, "cancel"] => {
            let reason = params::cancellation_reason(form)?;
            begin(tx, None)?;
            tx.cancel_payment(id, reason)?;
            show_payment(tx, id)
        }
        ["v1", "refunds"] => {
            let new = params::new_refund(form)?;
            begin(tx, None)?;
            let id = tx.create_refund(new)?;
            Ok(tx.refund(&id)?.render())
        }
        ["v1", "refunds", id, "cancel"] => {
            form.allow_only(&["expand"])?;
            begin(tx, None)?;
            tx.cancel_refund(id)?;
            Ok(tx.refund(id)?.render())
        }
        _ => Err(call.unknown()),
    }
}

fn write_customer(tx: &mut Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = &call.form;
    match call.segments().as_slice() {
        ["v1", "customers"] => {
            let (new, method) = params::new_customer(form)?;
            begin(tx, None)?;
            let id = tx.create_customer(new).id;
            if let Some(method) = method {
                let method = tx.attach_checked(&method, &id)?;
                if params::default_method(form).is_some() {
                    tx.set_default_method(&id, Some(method))?;
                }
            }
            Ok(tx.customer(&id)?.render())
        }
        ["v1", "customers", id] => {
            let change = params::customer_change(form)?;
            begin(tx, None)?;
            tx.update_customer(id, change)?;
            Ok(tx.customer(id)?.render())
        }
        ["v1", "payment_methods"] => {
            let card = params::new_method(form)?;
            begin(tx, None)?;
            Ok(tx.create_method(&card)?.render())
        }
        ["v1", "payment_methods", id, "attach"] => {
            form.allow_only(&["customer", "expand"])?;
            let customer = form.text(&["customer"]);
            let customer = customer.ok_or_else(|| ApiError::missing_param("customer"))?;
            begin(tx, Some(customer))?;
            let id = tx.attach_checked(id, customer)?;
            Ok(tx.payment_method(&id)?.render())
        }
        ["v1", "payment_methods", id, "detach"] => {
            form.allow_only(&["expand"])?;
            begin(tx, None)?;
            tx.detach_method(id)?;
            Ok(tx.payment_method(id)?.render())
        }
        _ => Err(call.unknown()),
    }
}

fn subscribe(tx: &mut Tx<'_>, form: &Form) -> Result<Value, ApiError> {
    let (new, items) = params::new_subscription(form)?;
    begin(tx, Some(&new.customer))?;
    let prices = prices(tx, items)?;
    let customer = tx.customer(&new.customer)?;
    let method = new.default_payment_method.clone().or(customer.default_payment_method);
    let has_trial = new.trial_days.is_some() || new.trial_end.is_some();
    let waits = has_trial || new.payment_behavior == PaymentBehavior::DefaultIncomplete;
    let card = match method {
        Some(method) => method,
        None if waits => String::new(),
        None => {
            let message = "This customer has no attached payment source or default payment method. \
                Please consider adding a default payment method.";
            return Err(ApiError::invalid(message).code("resource_missing"));
        }
    };
    let it = tx.subscribe(NewSubscription { prices, card, ..new })?;
    Ok(show_document(&it, form.list("expand")))
}

/// Steps that the customer and the banks do at Stripe.
fn happen(tx: &mut Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = &call.form;
    match call.segments().as_slice() {
        ["simulator", "payment_intents", id, "three_d_secure"] => {
            tx.finish_3ds(id, params::succeeds(form)?)?;
            show_payment(tx, id)
        }
        ["simulator", "payment_intents", id, "debit"] => {
            tx.settle_debit(id, params::succeeds(form)?)?;
            show_payment(tx, id)
        }
        ["simulator", "setup_intents", id, "three_d_secure"] => {
            tx.finish_setup_3ds(id, params::succeeds(form)?)?;
            Ok(tx.setup(id)?.render())
        }
        ["simulator", "checkout", "sessions", id, "complete"] => {
            form.allow_only(&["payment_method"])?;
            let method = form.text(&["payment_method"]).unwrap_or("pm_card_visa");
            tx.complete_checkout(id, method)?;
            show_session(tx, form, id)
        }
        ["simulator", "checkout", "sessions", id, "debit"] => {
            tx.settle_checkout(id, params::succeeds(form)?)?;
            show_session(tx, form, id)
        }
        ["simulator", "refunds", id] => {
            match params::succeeds(form)? {
                true => tx.succeed_refund(id)?,
                false => tx.fail_refund(id, "lost_or_stolen_card")?,
            }
            Ok(tx.refund(id)?.render())
        }
        _ => Err(call.unknown()),
    }
}

/// Does what a DELETE asks.
pub(crate) fn delete(tx: &mut Tx<'_>, call: &Call) -> Result<Value, ApiError> {
    let form = &call.form;
    match call.segments().as_slice() {
        ["v1", "subscriptions", id] => {
            form.allow_only(&["cancellation_details", "expand", "invoice_now", "prorate"])?;
            let it = tx.cancel_subscription(id)?;
            Ok(show_document(&it, form.list("expand")))
        }
        ["v1", "customers", id] => {
            form.allow_only(&[])?;
            tx.delete_customer(id)?;
            tx.tombstone(id).ok_or_else(|| call.unknown())
        }
        _ => Err(call.unknown()),
    }
}

/// The parameters were good, and the request begins to act: its answer is kept under its key.
fn begin(tx: &mut Tx<'_>, customer: Option<&str>) -> Result<(), ApiError> {
    tx.began = true;
    match customer {
        Some(id) if tx.customer(id).is_err() => {
            Err(ApiError::no_such_param("customer", id, "customer"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The ids of the prices of items, made where they are given inline.
fn prices(tx: &mut Tx<'_>, items: Vec<(PriceOf, u64)>) -> Result<Vec<(String, u64)>, ApiError> {
    items.into_iter().map(|(price, quantity)| Ok((tx.price_of(price)?, quantity))).collect()
}
