//! How the program ends.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use crate::domain::failure::{self, Class, Dependency};
use crate::queue::QueueError;
use crate::store::StoreError;

/// What each exit code means: for scripts, and never renumbered. `--help`, docs/cli.md and the README
/// say the same.
pub(super) const CODES: &[(u8, &str)] = &[
    (0, "done"),
    (1, "failed; the message says what"),
    (2, "the command line is wrong"),
    (3, "the settings are refused"),
    (4, "the database's schema is not the one that this program needs"),
    (5, "some of it was done, some was not"),
];

/// Exit codes: [`CODES`] says what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Success,
    /// Something failed while running: the message says what. Also: `dev` found a difference.
    Failure,
    // 2 is clap's: the command line is wrong.
    /// The settings are refused.
    Settings,
    /// The database's schema is not the one that this program needs.
    Schema,
    /// Some of what was asked for was done, some was not: see the result of each.
    Partial,
}

impl Exit {
    /// The end of something that was done to many, each for itself: all, some or none of it worked.
    pub(super) fn of_many(results: impl IntoIterator<Item = bool>) -> Self {
        let (mut done, mut failed) = (false, false);
        for ok in results {
            done |= ok;
            failed |= !ok;
        }
        match (done, failed) {
            (_, false) => Self::Success,
            (true, true) => Self::Partial,
            (false, true) => Self::Failure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Settings => 3,
            Exit::Schema => 4,
            Exit::Partial => 5,
        })
    }
}

/// An end that is not a success, and what to tell the person.
#[derive(Debug)]
pub(super) struct Failed {
    /// The exit code.
    pub exit: Exit,
    /// The server that could not be reached, or that refused us.
    pub server: Option<Dependency>,
    text: String,
}

impl Failed {
    /// Ends with `text`, which says what was wrong, where, and what to do.
    pub(super) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, server: None, text: text.into() }
    }

    /// The same with more that helps, each in a sentence.
    pub(super) fn but(mut self, more: &[String]) -> Self {
        for sentence in more {
            self.text.push_str("; ");
            self.text.push_str(sentence);
        }
        self
    }

    /// Ends with an error and all its causes on one line.
    pub(super) fn because(exit: Exit, what: &str, error: &(dyn Error + 'static)) -> Self {
        let text = format!("{what}: {}", failure::chain(error).join(": "));
        Self { exit, server: server(error), text }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The server that is behind an error, where reaching it is what failed.
pub(super) fn server(error: &(dyn Error + 'static)) -> Option<Dependency> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<StoreError>() {
            return match error {
                StoreError::Shared(error) => server(error.as_ref()),
                StoreError::Unavailable(_)
                | StoreError::Silent { .. }
                | StoreError::Lost
                | StoreError::Misconfigured(_) => Some(Dependency::Postgres),
                StoreError::Contention(_)
                | StoreError::Constraint { .. }
                | StoreError::ForeignScope(_)
                | StoreError::Value(_)
                | StoreError::Unreadable { .. }
                | StoreError::Unexpected(_)
                | StoreError::SchemaTooOld { .. }
                | StoreError::SchemaDiffers { .. }
                | StoreError::Migration(_) => None,
            };
        }
        if let Some(error) = error.downcast_ref::<QueueError>() {
            return match error.class() {
                Class::Unavailable(server) | Class::Misconfigured(server) => Some(server),
                Class::Permanent | Class::Transient | Class::RateLimited { .. } => None,
            };
        }
        next = error.source();
    }
    None
}
