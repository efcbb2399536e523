//! `quittance dev`: everything at once on a developer's machine, against a simulated Stripe.
//!
//! Behind the cargo feature `dev`, and so out of the production image. [`run()`] is the command
//! `quittance dev`; [`servers`] are the private Redis and Postgres that it and the tests use.

mod api_connection;
mod clients;
mod environment;
mod environment_file;
pub mod exec;
mod faults;
mod options;
mod progress;
mod receiver;
mod roles;
mod run;
mod scratch;
pub mod servers;
pub mod shop;
mod verdict;

pub use exec::exec;
pub use options::{DevError, Ended, Options};
pub use run::{differences, run};
pub use verdict::Difference;
