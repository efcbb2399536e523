//! Settings: one file for each concern. `config/default.toml` is embedded and is the manual.
//!
//! The crate depends on no other crate of the program. [`load()`] has checked all values, also across fields, so
//! its callers need not check a setting again.
//!
//! Steps of loading: `layers` puts the file over the defaults and the environment (`variables`) over both, and
//! records the origin of each value; `decode` converts them to the types; `check` checks ranges and
//! combinations. Each problem becomes a [`Fault`], and all of them are reported at once. Which settings must be
//! set depends on the [`Role`].

mod address;
pub mod admin;
pub mod api;
pub mod backfill;
pub mod database;
pub mod ingress;
pub mod outbox;
pub mod public_address;
pub mod queue;
pub mod reconcile;
pub mod redaction;
pub mod retention;
pub mod secret;
pub mod status;
pub mod stripe;
pub mod sweep;
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
pub use backfill::Backfill;
pub use database::Database;
pub use fault::{ConfigError, Fault, Origin};
pub use ingress::{Endpoint, Endpoints, Ingress, ModeFilter};
pub use load::{environment, load};
pub use outbox::{Destination, Outbox, Start};
pub use queue::{Queue, Redis};
pub use reconcile::Reconcile;
pub use redaction::{RedactedPath, Redaction};
pub use retention::Retention;
pub use role::Role;
pub use secret::Secret;
pub use status::Status;
pub use stripe::Stripe;
pub use sweep::Sweep;
pub use telemetry::{Log, LogFormat, Metrics, Telemetry};
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
    /// The queue in Redis.
    pub queue: Queue,
    /// The worker.
    pub worker: Worker,
    /// Delays and number of retries.
    pub retry: Retry,
    /// The reconciler.
    pub reconcile: Reconcile,
    /// The sweep over Stripe's list of events.
    pub sweep: Sweep,
    /// Backfills.
    pub backfill: Backfill,
    /// Delivery of notifications.
    pub outbox: Outbox,
    /// Fields that are never stored.
    pub redaction: Redaction,
    /// How long records are kept.
    pub retention: Retention,
    /// The connection to Postgres.
    pub database: Database,
    /// The connection to Stripe's API.
    pub stripe: Stripe,
    /// The operators' pages and API.
    pub admin: Admin,
    /// The API through which the team acts on Stripe.
    pub api: Api,
    /// Thresholds of the health status.
    pub status: Status,
    /// The log.
    pub log: Log,
    /// Metrics for Prometheus.
    pub metrics: Metrics,
    /// Export of traces.
    pub telemetry: Telemetry,
    /// The text of `redacted`, made while the origin of each value was known.
    #[serde(skip)]
    summary: String,
}

impl Settings {
    /// The effective settings as TOML, without secrets; a comment gives the origin of each that is not a default.
    #[must_use]
    pub fn redacted(&self) -> &str {
        &self.summary
    }

    /// The value of one setting as [`Self::redacted`] shows it, and its origin; no origin for a default.
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
