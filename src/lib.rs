//! Quittance keeps a team's Postgres in sync with Stripe.
//!
//! ```text
//! Stripe ──POST──▶ ingress ──▶ queue ──▶ worker ──▶ reconcile ──▶ store ──▶ outbox ──▶ your app
//!                 verify       Redis      apalis       │  ▲        one
//!                 200 only     Stream                  ▼  │        transaction
//!                 when durable                      stripe_api
//! ```
//!
//! The modules, in reading order. What each may import is a rule that `tests/it/layers.rs` holds;
//! `ARCHITECTURE.md` says why.

// The rules, without I/O.
pub use quittance_domain as domain;

// What every role uses.
pub use quittance_config as config;

pub use quittance_http_client as http_client;

pub mod telemetry;

pub mod http;

// Mechanisms that know nothing of events, Stripe or the tables.
pub mod circuit_breaker;

pub mod joint_request;

pub mod single_flight;

pub use quittance_tasks::{panics, supervise};

// Receiving events.

pub mod envelope;

pub mod ingress;

pub use quittance_queue as queue;

// From a job to a row.
pub mod worker;

pub mod reconcile;

// Whether everything is here.
pub mod duties;

pub mod completeness;

pub use quittance_redaction as redaction;

pub use quittance_stripe as stripe_api;

pub use quittance_store as store;

// What was there before.
pub mod backfill;

// What Stripe is asked to do.
pub mod commands;

pub mod card_data;

pub mod api;

// Notifications.
pub mod outbox;

// For operators.
pub mod ops;

pub mod admin;

mod roles;

pub mod cli;

// Everything on one machine, against the simulated Stripe of the crate `stripe-simulator`.
#[cfg(feature = "dev")]
pub mod dev;
