//! Why a request got no command, or no answer.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::command::RuleBreach;
use crate::domain::failure::Failure;
use crate::reconcile::Fault;
use crate::store::StoreError;

/// Why a request is refused before there is a command, or why there is no answer yet.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A rule was broken.
    #[error(transparent)]
    Breach(#[from] RuleBreach),
    /// The payment that it is about is neither here nor at Stripe.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What is missing.
        what: &'static str,
        /// As it was asked for.
        id: String,
    },
    /// The key was used for another request.
    #[error("the key was used for another request ({command}): a new request takes a new key")]
    KeyReused {
        /// The command that has the key.
        command: Uuid,
    },
    /// The first request with this key, or for this reference, is still running.
    #[error("the command {command} is still running: repeat the request with the same key")]
    InProgress {
        /// The command.
        command: Uuid,
    },
    /// The token's limit for one command or for a day.
    #[error("{detail}")]
    OverLimit {
        /// Which limit, and what is left.
        detail: String,
    },
    /// The payment has another currency than the request says.
    #[error("currency: the payment is in {found}, not in {wanted}.")]
    OtherCurrency {
        /// As the request says.
        wanted: String,
        /// The payment's.
        found: String,
    },
    /// All places are taken.
    #[error("too many commands are running")]
    Busy,
    /// Asking Stripe for what a rule needs to know, or for a secret, failed.
    #[error("Stripe could not be asked: {}", .0.message())]
    Stripe(Failure),
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CommandError {
    /// Why an object could not be asked about; what Stripe does not have is missing.
    pub(super) fn of_fault(fault: Fault, missing: impl FnOnce() -> Self) -> Self {
        match fault.failure.code.as_str() {
            "stripe_resource_missing" => missing(),
            _ => fault.into(),
        }
    }
}

impl From<Fault> for CommandError {
    fn from(fault: Fault) -> Self {
        Self::Stripe(fault.failure)
    }
}

/// When a client is told to come again.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
