//! Signed deliveries, as Stripe makes them (docs.stripe.com, "Webhooks").

mod courier;
mod endpoint;
mod office;
mod signature;
mod tracker;

pub(crate) use courier::{deliver_once, employ};
pub use endpoint::{Delivered, EndpointId, NotDelivered, Unacknowledged, WebhookEndpoint};
pub(crate) use office::PostOffice;
pub use signature::{sign, v1_signature};
