//! Form parameters, checked as Stripe checks them before a request begins to act: one file for each group of
//! objects, and `field` for the fields that they share.

mod checkout;
mod customer;
mod field;
mod payment;
mod price;
mod subscription;

pub(crate) use checkout::new_checkout;
pub(crate) use customer::{customer_change, default_method, new_customer, new_method};
pub(crate) use payment::{
    amount_to_capture, cancellation_reason, confirm, confirm_setup, new_payment, new_refund,
    new_setup,
};
pub(crate) use price::{new_price, new_product};
pub(crate) use subscription::{new_portal, new_subscription, subscription_change};

use super::form::Form;
use crate::error::ApiError;

/// Wanted end of a step that only the simulator has.
pub(crate) fn succeeds(form: &Form) -> Result<bool, ApiError> {
    form.allow_only(&["outcome", "expand"])?;
    match form.text(&["outcome"]) {
        Some("succeed") => Ok(true),
        Some("fail") => Ok(false),
        Some(_) | None => {
            Err(ApiError::invalid("outcome must be succeed or fail").param("outcome"))
        }
    }
}
