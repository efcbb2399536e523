//! How the program ends.

use std::fmt;
use std::process::ExitCode;

use crate::domain::failure;

/// Exit codes, for scripts. Documented in the README; never renumbered.
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
    text: String,
}

impl Failed {
    /// Ends with `text`, which says what was wrong, where, and what to do.
    pub(super) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// Ends with an error and all its causes on one line.
    pub(super) fn because(exit: Exit, what: &str, error: &dyn std::error::Error) -> Self {
        let text = format!("{what}: {}", failure::chain(error).join(": "));
        Self { exit, text }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
