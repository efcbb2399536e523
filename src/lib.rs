//! Quittance keeps a team's Postgres true to Stripe.
pub mod domain;

pub mod config;

pub mod envelope;
pub mod telemetry;
pub mod http;
pub mod ingress;
pub mod queue;
pub mod worker;
pub mod reconcile;
pub mod stripe_api;
pub mod store;
pub mod ops;
pub mod cli;
#[cfg(feature = "dev")]
//pub mod dev;
#[cfg(feature = "dev")]
//pub mod simulator;
