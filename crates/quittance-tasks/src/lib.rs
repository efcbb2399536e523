//! Background tasks that are started again when they panic or end, and panics as errors.

#[cfg(any(test, feature = "faults"))]
mod faults;
pub mod panics;
pub mod supervise;
