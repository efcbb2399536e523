//! What the process tells of itself while it runs: log lines, the page that Prometheus reads, and
//! traces.
//!
//! None of them ever holds a payload or a secret. The parts of the program own their counters and make
//! them known to the registry of [`Numbers`], which `cli` hands them; there is no global one.

mod collector;
pub mod log;
pub mod numbers;
pub mod trace;

pub use log::{TelemetryError, init};
pub use numbers::Numbers;
pub use trace::{Step, end, go_on};
