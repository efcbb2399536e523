//! Quittance keeps a team's Postgres true to Stripe.
pub mod config;
pub mod domain;
pub mod envelope;
pub mod http;
pub mod ingress;
pub mod queue;
pub mod telemetry;
