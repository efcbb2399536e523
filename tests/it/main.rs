//! The integration tests: one binary, a module for each flow. `make test` runs them beside a private
//! Redis and Postgres.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "that is how a test fails; clippy.toml allows them in the test functions alone"
)]

mod harness;

mod admin;
mod backfill;
mod billing;
mod browser;
mod circles;
mod cli;
mod commands;
mod completeness;
mod config;
mod connect;
mod customers;
mod dead_letters;
mod decode;
mod dev;
mod ids;
mod in_the_way;
mod ingress;
mod kinds;
mod layers;
mod mirror;
mod ops;
mod outbox;
mod queue;
mod reconcile;
mod redaction;
mod simulator_decoding;
mod state_machines;
mod status;
mod store;
mod stripe_api;
mod telemetry;
