//! What the process tells of itself while it runs: log lines, and the page that Prometheus reads.
//!
//! Neither ever holds a payload or a secret. The parts of the program own their counters and make
//! them known to the registry of [`Numbers`], which `cli` hands them; there is no global one.

pub mod log;
pub mod numbers;

pub use log::{TelemetryError, init};
pub use numbers::Numbers;
