//! Quittance keeps a team's Postgres true to Stripe.
pub mod config;
pub mod domain;
#[cfg(feature = "dev")]
pub mod simulator;
