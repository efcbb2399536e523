//! Quittance keeps a team's Postgres true to Stripe.
pub mod config;
#[cfg(feature = "dev")]
pub mod dev;
pub mod domain;
pub mod stripe_api;
