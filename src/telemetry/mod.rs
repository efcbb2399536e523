//! Telemetry: log lines, metrics for Prometheus, and traces.
//!
//! None of them contains a payload or a secret. The modules of the program own their metrics and register them
//! with the registry of [`Numbers`], which `roles` passes to them; there is no global registry.

mod collector;
pub mod log;
pub mod numbers;
pub mod trace;

pub use log::{TelemetryError, init};
pub use numbers::Numbers;
pub use trace::{Step, end, go_on};
