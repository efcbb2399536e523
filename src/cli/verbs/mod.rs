//! The verbs of the write side: `quittance payments create`, `quittance refunds create`, ...
//!
//! A verb says what is asked (a `Request`): its kind, what it is about, and its parameters from flags.
//! [`submit::run`] does the rest, for all verbs alike: it reads the parameters as the API reads a request, and
//! previews, submits, waits and prints.

mod args;
mod checkouts;
mod customers;
mod fields;
mod payment_shown;
mod payments;
mod portal;
mod print;
mod refunds;
mod setups;
mod submit;
mod subscriptions;

pub(super) use checkouts::CheckoutsCommand;
pub(super) use customers::CustomersCommand;
pub(super) use payments::PaymentsCommand;
pub(super) use portal::PortalCommand;
pub(super) use refunds::RefundsCommand;
pub(super) use setups::SetupsCommand;
pub(super) use subscriptions::SubscriptionsCommand;
