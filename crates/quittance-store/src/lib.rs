//! The store: tables in Postgres, and the transaction that writes a decision.
//!
//! The only crate that uses `sqlx`. It knows the types of the rules and the settings, but neither Redis nor
//! Stripe's API. Three calls process an event: [`Store::load`] reads the recorded state, [`Store::apply`] writes
//! a slice of decisions if that state has not changed, and [`Store::dead_letter`] dead-letters an event. Each is
//! one round trip; [`BatchedStore`] makes the first two for many events at once.
//!
//! Invariants: Stripe's JSON is written only as [`Redacted`](quittance_redaction::Redacted); objects and the
//! ledger are written only by the SQL function `quittance.apply`, which acquires all its locks first and in one
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
pub mod completeness;
pub mod connect;
pub mod connected_account;
mod connection;
mod dead_event;
pub mod dead_letter;
pub mod duty;
pub mod error;
pub mod event_certificate;
pub mod gauges;
pub mod history;
pub mod ledger;
pub mod load;
mod metrics;
pub mod object;
pub mod operation;
pub mod outbox;
mod outbox_id;
mod own_object;
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
pub mod sweep;
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
pub use settlement::{
    Applied, Change, NewState, Outcome, Publishing, Receipt, Release, SettledEvent, Settlement,
};
