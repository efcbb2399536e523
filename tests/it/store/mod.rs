//! The store against a real Postgres.

mod apply;
mod bank;
mod billing;
mod columns;
mod connected_accounts;
mod customers;
pub(crate) mod dead_letters;
mod dropped;
pub(crate) mod given;
mod items;
mod once;
mod pooler;
mod readme;
mod round_trip;
mod schema;
mod secrets;
mod silent;
mod sums;
mod together;
