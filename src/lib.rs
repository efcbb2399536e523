//! Quittance keeps a team's Postgres true to Stripe.
pub mod config;
pub mod domain;
pub mod ops;
pub mod queue;
pub mod store;
