//! Postgres: what is recorded, and the one transaction that records it.
//!
//! The only module that names `sqlx`. Knows the rules' types and its settings; never Redis, never
//! Stripe's API. Three calls carry the road of an event: [`Store::load`] (what do we know?),
//! [`Store::apply`] (settle a slice, if that is still what we know), [`Store::dead_letter`] (give
//! one up). Each is one round trip, and the first two are made for many events at once by [`BatchedStore`].
//!
//! Invariants: JSON of Stripe's is written as [`Redacted`](quittance_redaction::Redacted) alone; objects
//! and the ledger are written by the SQL function `quittance.apply` alone, which takes all its locks first and in one
//! order; no transaction stays open between two calls.
//!
//! A new kind of object is one table and one function in a migration, one file in [`columns`], and
//! one arm in each match there.

pub mod apply;
pub mod attempt;
pub mod audit;
pub mod batched;
mod batcher;
mod columns;
pub mod command;
pub mod connect;
pub mod connected_account;
pub mod dead_letter;
pub mod error;
pub mod gauges;
pub mod history;
pub mod ledger;
pub mod load;
mod metrics;
pub mod object;
pub mod operation;
pub mod outbox;
mod outbox_id;
pub mod payment;
mod pool;
mod pooler;
pub mod queue_marker;
pub mod read_transaction;
pub mod retention;
pub mod review;
pub mod schema;
mod session;
pub mod settlement;
pub mod status;
pub mod subscription;
pub mod timeline;

pub use apply::WouldWrite;
pub use attempt::Attempt;
pub use batched::{BatchedStore, Known};
pub use command::CommandClosing;
pub use connect::Store;
pub use error::{Cause, StoreError};
pub use load::Loaded;
pub use metrics::Metrics;
pub use review::LedgerCounts;
#[cfg(feature = "dev")]
pub use review::Table;
pub use settlement::{Applied, Change, NewState, Outcome, Receipt, SettledEvent, Settlement};
