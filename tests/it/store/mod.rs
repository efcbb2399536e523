//! The store against a real Postgres.

mod apply;
mod bank;
mod connected_accounts;
mod database;
mod dead_letters;
mod given;
mod once;
mod round_trip;
mod schema;
mod secrets;
mod sums;
