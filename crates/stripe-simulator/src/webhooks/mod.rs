//! Signed deliveries, as Stripe makes them (docs.stripe.com, "Webhooks").

mod delivery;
mod dispatcher;
mod endpoint;
mod signature;
mod tracker;

pub(crate) use delivery::{add_endpoint, deliver_once};
pub(crate) use dispatcher::Dispatcher;
pub use endpoint::{
    Delivered, EndpointError, EndpointId, NotDelivered, Unacknowledged, WebhookEndpoint,
};
pub use signature::{sign, v1_signature};
