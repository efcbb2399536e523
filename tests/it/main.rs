<<<<<<< HEAD
<<<<<<< HEAD
//! The integration tests: one binary, a module for each flow. `make test` runs them beside a private
//! Redis and Postgres.
=======
//! The integration tests: one binary, whose modules mirror the flows.
>>>>>>> store
=======
//! What the parts promise together, over real connections.
>>>>>>> ingress
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
<<<<<<< HEAD
<<<<<<< HEAD
    reason = "that is how a test fails; clippy.toml allows them in the test functions alone"
)]

mod dev;
mod harness;
mod layers;
mod state_machines;
mod stripe_api;
=======
    reason = "a test fails by panicking"
)]

mod store;
>>>>>>> store
=======
    reason = "a test that cannot go on has failed"
)]

mod config;
>>>>>>> ingress
