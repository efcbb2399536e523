//! `[telemetry]`

use serde::Deserialize;

use super::secret::Secret;

/// `[telemetry]`: where traces go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// The collector; may hold a password, so it is a secret. Empty: no traces are sent.
    pub otlp_endpoint: Secret,
    /// The share of traces that is sent.
    pub sample_ratio: f64,
}
