//! What runs on a developer's machine only: private servers, and commands run beside them.
//!
//! Behind the cargo feature `dev`, and so out of the production image.

pub mod exec;
mod scratch;
pub mod servers;

pub use exec::exec;
