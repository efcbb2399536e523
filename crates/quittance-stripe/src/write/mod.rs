//! Writes to Stripe: one request for one command, with its idempotency key, and what its answer proves.
//!
//! Nothing here retries. An answer says one of four things: it was done, it was refused for good, it certainly
//! had no effect, or what became of it is not known.
//!
//! `request` chooses the form of a command; the forms themselves are in `payment` (payments, refunds, customers
//! and setups), `checkout` (checkout sessions) and `subscription` (subscriptions and the customer portal).

mod checkout;
mod made;
mod payment;
mod request;
mod subscription;
mod writer;

pub use request::{PlannedRequest, WriteRequest};
pub use writer::{PortalSession, WriteError, WriteRefusal, Writer, Written};
