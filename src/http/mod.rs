//! What every HTTP listener of ours shares: how it serves and stops, how it says no, how it says
//! whether it is well, and who may come in.

pub mod auth;
mod connections;
pub mod error;
pub mod health;
mod log_throttle;
mod metrics;
pub mod problem;
pub mod server;

pub use error::ErrorBody;
pub use log_throttle::LogThrottle;
pub use metrics::Metrics;
pub use problem::Problem;
pub use server::{Ended, Limits, Peer, Server, serve};
