//! Why an object could not be reconciled, and what that proves about the dependencies.

use std::time::Duration;

use crate::domain::failure::{self, Class, Dependency, Failure};
use crate::domain::id::AccountId;
use crate::domain::object::{KindMismatch, Unnamed};
use crate::single_flight::NotAnswered;
use crate::store::StoreError;
use crate::stripe_api::StripeError;

/// Why an event could not be settled.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Asking Stripe failed.
    #[error("asking Stripe failed")]
    Stripe(#[from] StripeError),
    /// Stripe refuses us a connected account, and nothing that we know of says why. Perhaps the
    /// event that does is still on its way: events come in any order. So it is tried again, and
    /// given up when its attempts are used up.
    #[error("Stripe refuses us this connected account, and no event said that it left us")]
    AccessLost {
        /// The account.
        account: AccountId,
        /// What Stripe says.
        #[source]
        error: StripeError,
    },
    /// Stripe's answer is older than the event that it was asked for, or than the row.
    #[error(
        "Stripe's answer is older than what is known already, by `{field}`: its API lags behind"
    )]
    Lagging {
        /// The field that shows it.
        field: &'static str,
        /// When to look again.
        again_after: Duration,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// Stripe has no such object, and has only just made the event that is about it.
    #[error("there is no such object yet: Stripe's API may lag behind its own event")]
    NotYetThere {
        /// When to look again.
        again_after: Duration,
        /// What Stripe says.
        #[source]
        error: StripeError,
    },
    /// Stripe has no such object, and objects of its kind can be deleted: the event that says so
    /// may be on its way.
    #[error(
        "there is no such object; perhaps it was deleted, and the event that says so will come"
    )]
    PerhapsDeleted(#[source] StripeError),
    /// Stripe knows neither the object nor the event that led to it, so the key opens another
    /// account than the one that sent the event. One such event may be forged; when
    /// several come in a row, the circuit breaker opens, before a wrong key dead-letters everything.
    #[error(
        "Stripe knows neither this object nor the event that told of it: stripe.secret_key seems to \
         belong to another account than the webhook endpoint"
    )]
    WrongAccount(#[source] StripeError),
    /// The key may not read objects of a mirrored kind.
    #[error("stripe.secret_key may not read objects of this kind")]
    NotPermitted(#[source] StripeError),
    /// Stripe did not answer the request for its payment, with which it was asked about.
    #[error("asking Stripe for its payment, and for it along with that, failed")]
    WithPayment(Box<Fault>),
    /// Reading or writing the tables failed.
    #[error("Postgres failed")]
    Store(#[from] StoreError),
    /// Others wrote the row between our read and our write, round after round.
    #[error("the row was written by others in each of {rounds} rounds")]
    Contested {
        /// How often we tried.
        rounds: u32,
    },
    /// A bug: the row is of another kind than the observation.
    #[error(transparent)]
    KindMismatch(#[from] KindMismatch),
    /// The event is of a kind that we handle, and does not say which object it is about.
    #[error("the event cannot be applied: it is about {0}")]
    Unnamed(#[from] Unnamed),
    /// The flight that it waited for ended without an answer: a bug panicked, or the runtime is shutting down.
    #[error(transparent)]
    NotAnswered(#[from] NotAnswered),
}

impl ReconcileError {
    /// The failure as the worker decides on it and ops sees it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let own = |class, code: &str| Failure {
            class,
            code: code.to_owned(),
            chain: failure::chain(self),
            request_id: None,
            should_retry: None,
        };
        match self {
            Self::Stripe(error) => error.failure(),
            Self::AccessLost { error, .. } => Failure {
                request_id: error.failure().request_id,
                ..own(Class::Transient, "account_access_lost")
            },
            Self::Lagging { again_after, request_id, .. } => Failure {
                request_id: request_id.clone(),
                ..own(Class::TooEarly { again_after: *again_after }, "answer_behind_event")
            },
            Self::NotYetThere { again_after, error } => Failure {
                request_id: error.failure().request_id,
                ..own(Class::TooEarly { again_after: *again_after }, "object_not_yet_there")
            },
            Self::PerhapsDeleted(error) => Failure {
                request_id: error.failure().request_id,
                ..own(Class::Transient, "object_missing")
            },
            Self::WrongAccount(error) => Failure {
                request_id: error.failure().request_id,
                ..own(Class::Transient, "stripe_wrong_account")
            },
            Self::NotPermitted(error) => Failure {
                request_id: error.failure().request_id,
                ..own(Class::Permanent, "stripe_permission_missing")
            },
            Self::WithPayment(fault) => fault.failure.clone(),
            Self::Store(error) => error.failure(),
            Self::Contested { .. } => own(Class::Transient, "row_contested"),
            Self::KindMismatch(_) => own(Class::Permanent, "kind_mismatch"),
            Self::Unnamed(_) => own(Class::Permanent, "event_object_unnamed"),
            // A panic may come from one object's data or from a passing state; the budget of
            // attempts tells the two apart.
            Self::NotAnswered(NotAnswered::Panicked(_)) => own(Class::Transient, "panicked"),
            Self::NotAnswered(NotAnswered::Ended) => own(Class::Transient, "flight_lost"),
        }
    }

    /// What the failure proves about the dependency where it happened.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        match self {
            Self::Stripe(error) => Evidence::of(error),
            Self::WrongAccount(_) => Evidence::Failing(Dependency::Stripe),
            Self::WithPayment(fault) => fault.evidence.clone(),
            Self::Store(error) => match error.class() {
                Class::Permanent => Evidence::Up(Dependency::Postgres),
                Class::Transient
                | Class::RateLimited { .. }
                | Class::TooEarly { .. }
                | Class::Unavailable(_)
                | Class::Misconfigured(_) => Evidence::Failing(Dependency::Postgres),
            },
            Self::Contested { .. } => Evidence::Up(Dependency::Postgres),
            // One object's doing, and no sign of an outage: Stripe answered.
            Self::PerhapsDeleted(_) | Self::NotPermitted(_) | Self::Lagging { .. } => {
                Evidence::Up(Dependency::Stripe)
            }
            // Another account answers the same.
            Self::NotYetThere { .. } => Evidence::None,
            Self::AccessLost { account, .. } => Evidence::Refused(Box::new(account.clone())),
            Self::KindMismatch(_) | Self::Unnamed(_) | Self::NotAnswered(_) => Evidence::None,
        }
    }
}

/// A failure, and what it proves about the dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What the worker decides on.
    pub failure: Failure,
    /// Whether something is down.
    pub evidence: Evidence,
}

impl Fault {
    /// A task that was answered by none: a bug.
    pub(super) fn not_answered() -> Self {
        ReconcileError::from(NotAnswered::Ended).into()
    }
}

impl From<ReconcileError> for Fault {
    fn from(error: ReconcileError) -> Self {
        Self { failure: error.failure(), evidence: error.evidence() }
    }
}

/// What an attempt proves about a dependency, whatever became of the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing: it was not asked, or what failed was ours.
    None,
    /// It answered, if only to say no.
    Up(Dependency),
    /// It did not answer, or only with an error of its own. One such failure can be one object's
    /// trouble; many in a row mean that it is down.
    Failing(Dependency),
    /// Stripe does not let us read this connected account. That may be the account's doing. It says
    /// the same of every account to the key of another platform; so several accounts in a row, with no
    /// proper answer in between, mean that the key is wrong.
    Refused(Box<AccountId>),
    /// It answered, with what is of no use. That may be one object's oddity; where several objects in a
    /// row get such an answer, with no proper one in between, it is not Stripe that answers, or it does
    /// not take what we ask.
    Unusable,
    /// Our key is of the other mode than the object. One event that strayed here does that; but a key
    /// that has not yet read anything may be the wrong one.
    OtherMode,
}

impl Evidence {
    /// What it proves that asking Stripe ended like this.
    pub(super) fn of(error: &StripeError) -> Self {
        if error.is_of_other_mode() {
            Self::OtherMode
        } else if error.is_unusable() {
            Self::Unusable
        } else if !error.was_asked() {
            Self::None
        } else if error.was_answered() {
            Self::Up(Dependency::Stripe)
        } else {
            Self::Failing(Dependency::Stripe)
        }
    }
}
