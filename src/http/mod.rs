//! What every HTTP listener of ours shares: how it serves and stops, how it says no, how it says
//! whether it is well.

pub mod error;
pub mod health;
pub mod server;

pub use error::ErrorBody;
pub use server::{Ended, Limits, serve};
