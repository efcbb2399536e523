//! Completeness: whether every event that Stripe lists is here.
//!
//! ```text
//!              ┌── list of events ◀── Stripe
//! sweep ───────┤
//! (a duty)     ├── ledger, queue: what is in neither is enqueued
//!              └── watermark "complete until", by account
//! verify ──────── the same comparison for an operator; enqueues nothing, leaves a certificate
//! ```
//!
//! The comparison is one of sets, by the event's id. `look` compares one account, `sweep` goes over all of them,
//! `listing` reads a range of Stripe's list and the ledger, `senders` says what of Stripe's leads here and so why an
//! event was missed. When a range counts as complete is decided in [`crate::domain::completeness`]. Nothing here
//! processes an event: it enters the queue as the bytes that a webhook would have brought.

mod endpoints;
mod listing;
mod look;
mod metrics;
pub mod senders;
mod sweep;
mod verify;

pub use metrics::Metrics;
pub use sweep::Sweeper;
pub use verify::{Accounts, Verifier, Verify, VerifyError};
