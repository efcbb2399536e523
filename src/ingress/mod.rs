//! Reception of webhooks: HTTP → verify → queue. It must never be down, so it has the fewest dependencies.
//!
//! Architecture invariant: it knows neither Postgres nor Stripe's API. At run time it needs Redis alone.
//!
//! Architecture invariant: no byte of a body is parsed, and no I/O but reading the body is made, before its
//! signature is verified ([`verify`]).
//!
//! Architecture invariant: unsigned traffic competes only with itself. It takes bytes of a bounded
//! memory (`memory`) and a connection; a new client gets either from the client that has had it for the
//! longest time without a signed event.
//!
//! Architecture invariant: 200 means that Redis has acknowledged the event, or that the endpoint does not
//! accept events of its mode. Everything else is no 2xx, so that Stripe sends the event again
//! (docs.stripe.com, "Webhook delivery behaviors").
//!
//! Reading order: the routes (`router`), the steps of one request (`receive`), its results (`answer`).

mod answer;
mod body;
mod endpoint;
mod memory;
mod metrics;
mod outage;
mod readiness;
mod receive;
mod router;
mod state;
mod trace;
pub mod verify;

pub use metrics::Metrics;
pub use readiness::watch;
pub use router::router;
pub use state::{KeyError, State};
