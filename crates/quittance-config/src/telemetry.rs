//! Settings of telemetry: `[log]`, `[metrics]` and `[telemetry]`.

use std::net::SocketAddr;

use serde::Deserialize;

use super::address;
use super::secret::Secret;

/// `[log]`: log lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Format of a line.
    pub format: LogFormat,
    /// `tracing` directives: `info`, `quittance=debug,sqlx=warn`, ...
    pub filter: String,
}

/// Format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// Readable text.
    Pretty,
    /// One JSON object per line.
    Json,
}

/// `[metrics]`: metrics for Prometheus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Address of `/metrics`; `None` to serve nothing.
    #[serde(deserialize_with = "address::or_none")]
    pub listen: Option<SocketAddr>,
}

/// `[telemetry]`: export of traces.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// URL of the collector; it may contain a password, so it is a secret. Empty: no traces are exported.
    pub otlp_endpoint: Secret,
    /// Share of the traces that is exported.
    pub sample_ratio: f64,
}
