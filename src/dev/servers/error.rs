//! Why a private server is not there, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// A private server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No program of that name is installed.
    #[error(
        "{program} is not installed: it is neither on PATH nor in {places}. \
         Run `scripts/setup.sh`, which installs it or says how."
    )]
    Missing {
        /// The program looked for.
        program: &'static str,
        /// Where else it was looked for.
        places: &'static str,
    },
    /// Postgres is installed, in versions that don't fit.
    #[error("Postgres {needed} is needed, and only {found} is installed. {remedy}")]
    Version {
        /// The version that is needed.
        needed: String,
        /// Those that are there.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// Another process runs a server in the same directory.
    #[error(
        "{} is in use by another {server}. Stop the `quittance` that runs there, or use another directory.",
        dir.display()
    )]
    InUse {
        /// The server's name.
        server: &'static str,
        /// Its directory.
        dir: PathBuf,
    },
    /// The server ended, or did not become ready in time.
    #[error(
        "{server} did not start: {why}. The end of its log, {}:\n{tail}\n\
         If its data is damaged, delete {} and start again.",
        log.display(),
        dir.display()
    )]
    Start {
        /// The server's name.
        server: &'static str,
        /// What was seen.
        why: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
        /// Its directory.
        dir: PathBuf,
    },
    /// A helper program of the server failed.
    #[error("`{program}` failed ({status}): {output}")]
    Helper {
        /// The program.
        program: &'static str,
        /// How it ended.
        status: String,
        /// What it printed.
        output: String,
    },
    /// A directory that we would have to trust belongs to someone else.
    #[error("{} exists and belongs to another user. Remove it, or use another directory.", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
    },
    /// Postgres refuses to run as root, and there is no other user to run it as.
    #[error("Postgres does not run as root, and there is neither a user `postgres` nor `nobody`.")]
    NoUser,
    /// The operating system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl ServerError {
    /// For `map_err`: adds what was tried, and on what.
    pub(in crate::dev) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// Whether someone else took the port before the server could.
    pub(super) fn port_was_taken(&self) -> bool {
        matches!(self, Self::Start { tail, .. } if tail.contains("ddress already in use"))
    }
}
