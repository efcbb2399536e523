//! What can happen to objects, and which events tell of it.
//!
//! Everything is checked before anything is changed: an action that refuses a request leaves no
//! trace, except where Stripe leaves one too (a declined card).

mod attempts;
mod billing;
mod captures;
mod payments;
mod refunds;

pub use billing::NewSubscription;
pub use payments::{Confirm, NewPayment};
pub use refunds::NewRefund;

use super::error::ApiError;
use super::objects::PaymentIntent;

/// Stripe's refusal of a step that the payment's status does not allow.
fn unexpected_state(payment: &PaymentIntent, verb: &str) -> ApiError {
    let status = payment.status.as_str();
    ApiError::invalid(format!(
        "You cannot {verb} this PaymentIntent because it has a status of {status}."
    ))
    .code("payment_intent_unexpected_state")
}
