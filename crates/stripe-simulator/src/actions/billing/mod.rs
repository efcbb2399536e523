//! Actions on subscriptions, invoices and the catalogue.

mod catalogue;
mod documents;
mod invoices;
mod schedules;
mod subscriptions;

pub(crate) use catalogue::{NewPrice, PriceOf};
pub(crate) use subscriptions::{ItemChange, SubscriptionChange};
pub use subscriptions::{NewSubscription, PaymentBehavior};
