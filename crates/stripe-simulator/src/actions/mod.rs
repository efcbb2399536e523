//! Actions: what can happen to objects, and the events of it.
//!
//! Everything is checked before anything is changed: an action that refuses a request leaves no
//! trace, except where Stripe leaves one too (a declined card).

mod accounts;
mod attempts;
mod billing;
mod captures;
mod disputes;
mod payments;
mod payouts;
mod refunds;

mod checkouts;
mod customers;
mod methods;
mod setups;

pub use accounts::AccountStep;
pub(crate) use accounts::render_account;
pub(crate) use billing::{ItemChange, NewPrice, PriceOf, SubscriptionChange};
pub use billing::{NewSubscription, PaymentBehavior};
pub use disputes::DisputeEnd;
pub use payments::Confirm;
pub use payouts::PayoutStep;
pub use refunds::NewRefund;

pub use checkouts::NewCheckout;
pub(crate) use customers::CustomerChange;
pub use customers::NewCustomer;
pub use setups::NewSetup;

pub(crate) use super::objects::NewPayment;
