//! One binary for all integration tests; its modules mirror the flows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod layers;
mod state_machines;
mod stripe_api;
