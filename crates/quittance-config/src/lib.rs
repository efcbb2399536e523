//! Settings: one file a concern. `config/default.toml` is embedded and is the manual.
//!
//! Read by everything that needs a setting; knows nothing of ours. A value of these types that
//! [`load()`] made has been checked, across fields too, so nobody downstream checks a setting again.
//!
//! How it is loaded: `layers` lays the file over the defaults and the environment (`variables`)
//! over both, remembering where each value came from; `decode` turns that into the types; `check`
//! holds them against each other; whatever any of these objects to is a [`Fault`], and all of them
//! are reported at once. What is missing altogether is a matter of the [`Role`].

mod address;
pub mod admin;
pub mod api;
pub mod database;
pub mod ingress;
pub mod log;
pub mod metrics;
pub mod outbox;
pub mod public_address;
pub mod queue;
pub mod reconcile;
pub mod redaction;
pub mod retention;
pub mod secret;
pub mod status;
pub mod stripe;
pub mod telemetry;
pub mod worker;

mod check;
mod decode;
pub mod fault;
mod layers;
mod load;
pub mod manual;
mod redact;
mod role;
mod suggest;
mod variables;

pub use admin::{Admin, AdminRole};
pub use api::{Api, ApiScope, ApiToken};
pub use database::Database;
pub use fault::{ConfigError, Fault, Origin};
pub use ingress::{Endpoint, Endpoints, Ingress, ModeFilter};
pub use load::{environment, load};
pub use log::{Log, LogFormat};
pub use metrics::Metrics;
pub use outbox::{Destination, Outbox, Start};
pub use queue::{Queue, Redis};
pub use reconcile::Reconcile;
pub use redaction::{RedactedPath, Redaction};
pub use retention::Retention;
pub use role::Role;
pub use secret::Secret;
pub use status::Status;
pub use stripe::Stripe;
pub use telemetry::Telemetry;
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
    /// How what became true is told.
    pub outbox: Outbox,
    /// What is never stored.
    pub redaction: Redaction,
    /// How long what is done with is kept.
    pub retention: Retention,
    /// The connection to Postgres.
    pub database: Database,
    /// The connection to Stripe's API.
    pub stripe: Stripe,
    /// The operators' pages and API.
    pub admin: Admin,
    /// The API through which the team acts on Stripe.
    pub api: Api,
    /// When the whole counts as healthy.
    pub status: Status,
    /// What is logged, and how.
    pub log: Log,
    /// Numbers for Prometheus.
    pub metrics: Metrics,
    /// Where traces go.
    pub telemetry: Telemetry,
    /// What `redacted` shows, made while it was still known where each value came from.
    #[serde(skip)]
    summary: String,
}

impl Settings {
    /// The settings in force as TOML, without their secrets; a comment says where each that is not
    /// a default came from.
    #[must_use]
    pub fn redacted(&self) -> &str {
        &self.summary
    }

    /// The value of one setting as [`Self::redacted`] shows it, and where it came from; no origin
    /// for a default.
    #[must_use]
    pub fn shown(&self, key: &str) -> Option<(&str, Option<&str>)> {
        let (section, name) = key.rsplit_once('.')?;
        let heading = format!("[{section}]");
        let lines = self.summary.lines().skip_while(|line| *line != heading).skip(1);
        let mut lines = lines.take_while(|line| !line.starts_with('['));
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
        let (value, origin) = match line.split_once("  # from ") {
            Some((value, origin)) => (value, Some(origin)),
            None => (line, None),
        };
        Some((value.trim_matches('"'), origin))
    }
}
