//! HTTP → verify → queue. The part that must never be down, and so the part that knows least.
//!
//! Architecture invariant: it knows neither Postgres nor Stripe's API. All that it needs at run
//! time is Redis.
//!
//! Architecture invariant: not one byte of a body is parsed, and nothing but the body is read,
//! before its signature holds ([`verify`]).
//!
//! Architecture invariant: unsigned traffic competes only with itself. It takes bytes of a bounded
//! memory (`memory`) and a connection, and a newcomer gets either from the client that has held it for
//! longest without a signed event.
//!
//! Architecture invariant: 200 means that Redis has acknowledged the event, or that it is one of
//! the other mode, which nobody wants. All else is no 2xx, so that Stripe sends it again
//! (docs.stripe.com, "Webhook delivery behaviors").
//!
//! Reading order: the routes (`router`), the way of one request (`receive`), all that it can end in
//! (`answer`).

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
