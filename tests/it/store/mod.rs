//! The store against a real Postgres.

mod apply;
pub(crate) mod database;
mod dead_letters;
mod given;
mod once;
mod round_trip;
mod schema;
mod secrets;
mod sums;
