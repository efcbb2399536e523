//! The relay: delivers what is in the outbox to its destinations, and the wire format in which it does.
//!
//! Each fact lies in `quittance.outbox`, written in the transaction that made it true. Whoever reads
//! it there by SQL needs none of this. For the others, a [`Dispatcher`](mod@dispatcher) for each destination hands
//! the rows out, claims what is due, sends it through a [`Channel`], and records what became of it: each
//! step a short transaction, none open while something is being sent. A relay that dies between sending
//! and recording leaves a claim that ends, and the notification goes out again with the same id. Any
//! number of relays share the work.

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
