//! Settings: one file a concern. `config/default.toml` is embedded and is the manual.
//!
//! Read by everything that needs a setting; knows nothing of ours. A value of these types has been
//! checked, across fields too, so nobody downstream checks a setting again.

pub mod database;
pub mod ingress;
pub mod log;
pub mod queue;
pub mod reconcile;
pub mod secret;
pub mod stripe;
pub mod worker;

pub use database::Database;
pub use ingress::{Endpoint, Endpoints, Ingress, ModeFilter};
pub use log::{Log, LogFormat};
pub use queue::{Queue, Redis};
pub use reconcile::Reconcile;
pub use secret::Secret;
pub use stripe::Stripe;
pub use worker::{Retry, Worker};

use serde::Deserialize;

/// All settings of all roles.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The webhook listener.
    pub ingress: Ingress,
    /// The webhook endpoints by name: the last part of their path.
    pub endpoints: Endpoints,
    /// The connection to Redis.
    pub redis: Redis,
    /// The queue in it.
    pub queue: Queue,
    /// The job runner.
    pub worker: Worker,
    /// Delays and budget of failed jobs.
    pub retry: Retry,
    /// How rows are brought up to date.
    pub reconcile: Reconcile,
    /// The connection to Postgres.
    pub database: Database,
    /// The connection to Stripe's API.
    pub stripe: Stripe,
    /// What is logged, and how.
    pub log: Log,
}
