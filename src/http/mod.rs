//! Common parts of all HTTP listeners: serving and shutdown, error responses, health routes, authentication.

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
