//! Signed deliveries, as Stripe makes them (docs.stripe.com, "Webhooks").

mod courier;
mod endpoint;
mod office;
mod signature;
mod tracker;

pub(crate) use courier::{add_endpoint, deliver_once};
pub use endpoint::{
    Delivered, EndpointError, EndpointId, NotDelivered, Unacknowledged, WebhookEndpoint,
};
pub(crate) use office::PostOffice;
pub use signature::{sign, v1_signature};
