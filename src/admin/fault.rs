//! Errors of the operators' actions as problem documents.

use std::fmt::Display;

use axum::http::StatusCode;

use crate::commands::{ActError, CommandError};
use crate::http::Problem;
use crate::ops::accounts::CheckError;
use crate::ops::compare::LookError;
use crate::ops::dead_letters::{DryRunError, Refusal};
use crate::ops::duties::DutyError;
use crate::ops::events::ListError;
use crate::ops::name::NameError;
use crate::ops::objects::FindError;
use crate::ops::operations::BeginError;
use crate::ops::outbox::OutboxError;
use crate::ops::reconcile::ReconcileError;
use crate::ops::replay::ReplayError;

/// Postgres did not answer, or returned an error.
pub(super) fn postgres(error: impl Display) -> Problem {
    let detail = format!("Postgres (database.url) is not available: {error}");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "postgres", detail)
}

/// Redis did not answer, or returned an error.
pub(super) fn redis(error: impl Display) -> Problem {
    let detail = format!("Redis (redis.url) is not available: {error}");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "redis", detail)
}

/// Stripe did not answer, or returned an error.
fn stripe(error: impl Display) -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, "stripe", error.to_string())
}

/// 404: the requested item does not exist.
pub(super) fn missing(what: impl Display) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", what.to_string())
}

/// 409: the action is not possible in the current state.
pub(super) fn conflict(code: &'static str, what: impl Display) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, what.to_string())
}

/// 422: a value of the request is invalid.
pub(super) fn wrong(what: impl Display) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong_value", what.to_string())
}

/// 503: the action calls Stripe, and no key is configured.
pub(super) fn no_key() -> Problem {
    let detail = "This server has no key for Stripe's API: set STRIPE_SECRET_KEY and restart it.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_stripe_key", detail)
}

/// There is no key for what changes something at Stripe.
pub(super) fn no_write_key() -> Problem {
    let detail = "This server has no key to change something at Stripe: set stripe.write_key and restart it.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_write_key", detail)
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let detail = error.to_string();
        match error {
            CommandError::Breach(breach) => {
                let status =
                    crate::commands::Problem::from(&CommandError::Breach(breach.clone())).status;
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::CONFLICT);
                Problem::new(status, breach.code.as_str(), detail)
            }
            CommandError::NotFound { .. } => missing(detail),
            CommandError::KeyReused { command } => conflict(
                "already_sent",
                format!(
                    "This form was sent before, with something else in it: see the command {command}."
                ),
            ),
            CommandError::InProgress { .. } => conflict("command_in_progress", detail),
            CommandError::OtherCurrency { .. } => conflict("currency_differs", detail),
            CommandError::OverLimit { .. } => conflict("amount_limit", detail),
            CommandError::Busy => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail),
            CommandError::Stripe(_) => stripe(detail),
            CommandError::Store(error) => postgres(error),
        }
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        match error {
            ActError::NoPayment(_) => missing(error),
            ActError::Changed => conflict("changed", error),
            ActError::Command(error) => error.into(),
        }
    }
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::NoSuchEvent(_) => missing(error),
            ListError::Store(error) => postgres(error),
        }
    }
}

impl From<DutyError> for Problem {
    fn from(error: DutyError) -> Self {
        match error {
            DutyError::Unknown(_) => missing(error),
            DutyError::Store(error) => postgres(error),
        }
    }
}

impl From<OutboxError> for Problem {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::NoSuchDestination { .. } => missing(error),
            OutboxError::Store(error) => postgres(error),
        }
    }
}

impl From<DryRunError> for Problem {
    fn from(error: DryRunError) -> Self {
        match error {
            DryRunError::NoSuchDeadLetter(_) => missing(error),
            DryRunError::Store(error) => postgres(error),
        }
    }
}

impl From<FindError> for Problem {
    fn from(error: FindError) -> Self {
        match error {
            FindError::NothingAsked => wrong(error),
            FindError::Store(error) => postgres(error),
        }
    }
}

impl From<NameError> for Problem {
    fn from(error: NameError) -> Self {
        match error {
            NameError::Unknown { .. } => missing(error),
            NameError::Ambiguous { .. } => conflict("ambiguous", error),
            NameError::TooLittle { .. } => wrong(error),
            NameError::Store(error) => postgres(error),
        }
    }
}

impl From<LookError> for Problem {
    fn from(error: LookError) -> Self {
        match error {
            LookError::Look(_) => stripe(error),
            LookError::Store(error) => postgres(error),
        }
    }
}

impl From<ReconcileError> for Problem {
    fn from(error: ReconcileError) -> Self {
        match error {
            ReconcileError::Look(error) => error.into(),
            ReconcileError::NotNoted(_) => conflict("not_noted", error),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::NotAtStripe { .. } => missing(error),
            ReplayError::TooOld { .. } => conflict("too_old", error),
            ReplayError::NothingToDo { .. } => conflict("nothing_to_do", error),
            ReplayError::WhichMode { .. } => wrong(error),
            ReplayError::Look(error) => error.into(),
            ReplayError::NotEnqueued { .. } => redis(error),
            ReplayError::NotNoted { .. } => conflict("not_noted", error),
        }
    }
}

impl From<CheckError> for Problem {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Refresh(_) => stripe(error),
            CheckError::Store(error) => postgres(error),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(error: Refusal) -> Self {
        match error {
            Refusal::NoReason | Refusal::Past | Refusal::TooFar => wrong(error),
            Refusal::Store(error) => postgres(error),
        }
    }
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Refused(error) => error.into(),
            BeginError::Nothing => conflict("nothing", "No dead letter matches any more."),
            BeginError::Changed { agreed, found } => conflict(
                "count_changed",
                format!(
                    "You confirmed {agreed} dead letters, and now {found} match. Check the preview again."
                ),
            ),
        }
    }
}
