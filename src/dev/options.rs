//! Options of `quittance dev`, and how it ends.

use std::path::PathBuf;

use super::servers::ServerError;
use super::verdict::Difference;
use crate::config::ConfigError;
use crate::queue::QueueError;
use crate::store::StoreError;

/// Options of `quittance dev`.
#[derive(Debug, Clone)]
pub struct Options {
    /// Payments to live through before the verdict; none: a trickle until Ctrl-C.
    pub payments: Option<u32>,
    /// Seeds the simulator's dice.
    pub seed: u64,
    /// No duplicates, no reordering, no errors.
    pub calm: bool,
    /// Kill workers and restart servers on the way.
    pub faults: bool,
    /// Worker processes.
    pub workers: u32,
    /// Directory for the servers' data and the logs.
    pub root: PathBuf,
    /// Use the real Stripe instead of the simulator.
    pub real_stripe: bool,
    /// With the real Stripe, what its card form in the shop is shown with: `pk_test_...`.
    pub publishable_key: Option<String>,
}

/// Why `quittance dev` could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// Another one runs there.
    #[error(
        "another `quittance dev` runs in {}: stop it, or give this one a directory by --root",
        root.display()
    )]
    Running {
        /// The directory.
        root: PathBuf,
    },
    /// A server or a role did not start or stop.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The settings are refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Postgres failed us.
    #[error("reading Postgres failed")]
    Store(#[from] StoreError),
    /// Redis failed us.
    #[error("reading Redis failed")]
    Queue(#[from] QueueError),
    /// No listener.
    #[error("cannot listen on a loopback port")]
    Listen(#[source] std::io::Error),
}

/// End of a run.
#[derive(Debug)]
pub enum Ended {
    /// Ctrl-C.
    Stopped,
    /// All payments were lived through, and this is what differs. Empty is what one hopes for.
    Verdict(Vec<Difference>),
}
