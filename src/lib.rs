//! Quittance keeps a team's Postgres true to Stripe.
pub mod domain;

pub mod config;

pub mod cli;
#[cfg(feature = "dev")]
pub mod dev;
pub mod envelope;
pub mod http;
pub mod ingress;
pub mod ops;
pub mod outbox;
pub mod queue;
pub mod reconcile;
#[cfg(feature = "dev")]
pub mod simulator;
pub mod store;
pub mod stripe_api;
pub mod telemetry;
pub mod worker;
