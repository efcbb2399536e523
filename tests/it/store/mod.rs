//! The store against a real Postgres.

mod apply;
mod customers;
mod dead_letters;
mod given;
mod once;
mod round_trip;
mod schema;
mod secrets;
mod sums;
