//! What every HTTP listener of ours shares: how it serves and stops, how it says no, how it says
//! whether it is well, and who may come in.

pub mod auth;
pub mod error;
pub mod health;
pub mod problem;
pub mod server;

pub use error::ErrorBody;
pub use problem::Problem;
pub use server::{Ended, Limits, Peer, serve};
