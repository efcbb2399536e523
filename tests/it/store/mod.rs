//! The store against a real Postgres.

mod apply;
mod customers;
mod bank;
mod connected_accounts;
mod dead_letters;
pub(crate) mod given;
mod billing;
mod dead_letters;
mod given;
mod items;
mod once;
mod round_trip;
mod schema;
mod secrets;
mod sums;
