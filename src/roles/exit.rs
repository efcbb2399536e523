//! Exit codes of the program, and the message of a failure.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use crate::domain::failure::{self, Class, Dependency};
use crate::ops::accounts::CheckError;
use crate::ops::compare::LookError;
use crate::ops::reconcile::ReconcileError;
use crate::ops::replay::ReplayError;
use crate::queue::QueueError;
use crate::reconcile::{Evidence, Fault};
use crate::store::StoreError;
use crate::stripe_api::StripeError;

/// What each exit code means: for scripts, and never renumbered. `--help`, docs/cli.md and
/// docs/configuration.md say the same.
pub(crate) const CODES: &[(u8, &str)] = &[
    (0, "done"),
    (1, "failed; the message says what"),
    (2, "the command line is wrong"),
    (3, "the settings are refused"),
    (4, "the database's schema is not the one that this program needs"),
    (5, "some of it was done, some was not"),
    (6, "a command to Stripe is stored, and its outcome is not known yet"),
];

/// Exit codes: [`CODES`] says what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Success,
    /// Something failed while running: the message says what. Also: `dev` found a difference.
    Failure,
    /// The command line is wrong: what clap says by itself, or card data in what it gives.
    Usage,
    /// The settings are refused.
    Settings,
    /// The database's schema is not the one that this program needs.
    Schema,
    /// Some of what was asked for was done, some was not: see the result of each.
    Partial,
    /// A command is stored, and what became of it at Stripe is not known yet.
    Unknown,
}

impl Exit {
    /// The end of something that was done to many, each for itself: all, some or none of it worked.
    pub(crate) fn of_many(results: impl IntoIterator<Item = bool>) -> Self {
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
            Exit::Usage => 2,
            Exit::Settings => 3,
            Exit::Schema => 4,
            Exit::Partial => 5,
            Exit::Unknown => 6,
        })
    }
}

/// An end that is not a success, and what to tell the person.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The exit code.
    pub exit: Exit,
    /// The server that could not be reached, or that refused us.
    pub trouble: Option<Trouble>,
    text: String,
}

/// A server that is in the way of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Which.
    pub server: Dependency,
    /// Whether it was there, and refused our settings.
    pub refused: bool,
}

impl Failed {
    /// Ends with `text`, which says what was wrong, where, and what to do.
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, trouble: None, text: text.into() }
    }

    /// The same with more that helps, each in a sentence.
    pub(crate) fn but(mut self, more: &[String]) -> Self {
        for sentence in more {
            self.text.push_str("; ");
            self.text.push_str(sentence);
        }
        self
    }

    /// Ends with an error and all its causes on one line.
    pub(crate) fn because(exit: Exit, what: &str, error: &(dyn Error + 'static)) -> Self {
        let text = format!("{what}: {}", failure::chain(error).join(": "));
        Self { exit, trouble: trouble(error), text }
    }

    /// Why one of many things failed, to be told in its line.
    pub(crate) fn of_one(error: &(dyn Error + 'static)) -> Self {
        let text = failure::chain(error).join(": ");
        Self { exit: Exit::Failure, trouble: trouble(error), text }
    }

    /// Of many things each went its own way, and was told; a server was in the way of some.
    pub(crate) fn of_many(exit: Exit, trouble: Trouble) -> Self {
        let state = if trouble.refused { "refused us" } else { "could not be reached" };
        let text = format!("not all was done: {} {state}", trouble.server);
        Self { exit, trouble: Some(trouble), text }
    }
}

/// A schema that does not fit has an exit code of its own, so that a deployment can tell it apart.
pub(crate) fn exit_of_store(error: &StoreError) -> Exit {
    match error {
        StoreError::Shared(error) => exit_of_store(error),
        StoreError::SchemaTooOld { .. } | StoreError::SchemaDiffers { .. } => Exit::Schema,
        StoreError::TransactionPooling(_) => Exit::Settings,
        StoreError::Unavailable(_)
        | StoreError::Silent { .. }
        | StoreError::NotOpened { .. }
        | StoreError::Lost
        | StoreError::Misconfigured(_)
        | StoreError::Contention(_)
        | StoreError::Constraint { .. }
        | StoreError::ForeignScope(_)
        | StoreError::Value(_)
        | StoreError::Unreadable { .. }
        | StoreError::Unexpected(_)
        | StoreError::Migration(_)
        | StoreError::MigrationStatement { .. } => Exit::Failure,
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The server that is behind an error, where reaching it is what failed.
pub(crate) fn trouble(error: &(dyn Error + 'static)) -> Option<Trouble> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<StoreError>() {
            return of_store(error);
        }
        if let Some(error) = error.downcast_ref::<QueueError>() {
            return of_class(error.class());
        }
        if let Some(error) = error.downcast_ref::<StripeError>() {
            let up = error.was_answered() || !error.was_asked();
            return of_class(error.failure().class).or((!up).then_some(STRIPE));
        }
        if let Some(error) = error.downcast_ref::<LookError>() {
            return of_look(error);
        }
        // What is transparent is none of its own causes.
        if let Some(ReconcileError::Look(error)) = error.downcast_ref::<ReconcileError>() {
            return of_look(error);
        }
        if let Some(ReplayError::Look(error)) = error.downcast_ref::<ReplayError>() {
            return of_look(error);
        }
        if let Some(CheckError::Refresh(fault)) = error.downcast_ref::<CheckError>() {
            return of_fault(fault);
        }
        next = error.source();
    }
    None
}

const STRIPE: Trouble = Trouble { server: Dependency::Stripe, refused: false };

fn of_class(class: Class) -> Option<Trouble> {
    match class {
        Class::Unavailable(server) => Some(Trouble { server, refused: false }),
        Class::Misconfigured(server) => Some(Trouble { server, refused: true }),
        Class::Permanent
        | Class::Transient
        | Class::RateLimited { .. }
        | Class::TooEarly { .. } => None,
    }
}

fn of_look(error: &LookError) -> Option<Trouble> {
    match error {
        LookError::Look(fault) => of_fault(fault),
        LookError::Store(error) => of_store(error),
    }
}

fn of_fault(fault: &Fault) -> Option<Trouble> {
    let failing = match fault.evidence {
        Evidence::Failing(server) => Some(Trouble { server, refused: false }),
        Evidence::OtherMode => Some(Trouble { server: Dependency::Stripe, refused: true }),
        Evidence::None | Evidence::Up(_) | Evidence::Refused(_) | Evidence::Unusable => None,
    };
    of_class(fault.failure.class).or(failing)
}

fn of_store(error: &StoreError) -> Option<Trouble> {
    match error {
        StoreError::Shared(error) => of_store(error),
        StoreError::Unavailable(_)
        | StoreError::Silent { .. }
        | StoreError::NotOpened { .. }
        | StoreError::Lost
        | StoreError::TransactionPooling(_)
        | StoreError::Misconfigured(_) => of_class(error.class())
            .or(Some(Trouble { server: Dependency::Postgres, refused: false })),
        StoreError::Contention(_)
        | StoreError::Constraint { .. }
        | StoreError::ForeignScope(_)
        | StoreError::Value(_)
        | StoreError::Unreadable { .. }
        | StoreError::Unexpected(_)
        | StoreError::SchemaTooOld { .. }
        | StoreError::SchemaDiffers { .. }
        | StoreError::Migration(_)
        | StoreError::MigrationStatement { .. } => None,
    }
}
