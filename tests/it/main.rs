//! The integration tests: one binary, whose modules mirror the flows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[cfg(feature = "dev")]
mod simulator;
