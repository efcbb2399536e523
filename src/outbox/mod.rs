//! The relay: delivers what is in the outbox to its destinations, and the wire format in which it does.
//!
//! `quittance.apply` writes each notification to `quittance.outbox`, in the transaction that makes it true.
//! Consumers that read the table by SQL need nothing of this module. For each other destination, a
//! [`Dispatcher`](mod@dispatcher) fans the rows out into deliveries, claims those that are due, sends them
//! through a [`Channel`], and records the outcomes: each step is a short transaction, and none is open while
//! a notification is in flight. If a relay dies between sending and recording, its claim expires and the
//! notification is sent again with the same id. Any number of relays share the work.

mod channel;
mod dispatcher;
mod guard;
mod http;
mod metrics;
mod outcomes;
mod prefetch;
mod relay;
mod signature;
mod topics;
mod upkeep;

pub use channel::{Channel, Destination};
pub use http::{HttpChannel, HttpError};
pub use metrics::Metrics;
pub use relay::Relay;
pub use signature::{SecretError, Signer};
pub use topics::{UnknownTopic, check_topics};
