//! The simulator is our oracle, so it is judged first: by Stripe's documentation, by types that are
//! not ours, and by a signature that is computed here.

mod chaos;
mod customers;
pub(crate) mod decoding;
mod events;
mod harness;
mod idempotency;
mod lifecycles;
mod lists;
mod payments;
mod receiver;
mod refunds;
mod requests;
mod webhooks;
