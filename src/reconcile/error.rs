//! What can go wrong on the road, and whose fault it is.

use std::error::Error as StdError;

use crate::domain::failure::{Class, Dependency, Failure};
use crate::domain::object::KindMismatch;
use crate::store::StoreError;
use crate::stripe_api::StripeError;

/// Why an event could not be settled.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Asking Stripe failed.
    #[error("asking Stripe failed")]
    Stripe(#[from] StripeError),
    /// Stripe has no such object, and objects of its kind can be deleted: the event that says so
    /// may be on its way.
    #[error(
        "there is no such object; perhaps it was deleted, and the event that says so will come"
    )]
    PerhapsDeleted(#[source] StripeError),
    /// The key may not read objects of a mirrored kind.
    #[error("stripe.secret_key may not read objects of this kind")]
    NotPermitted(#[source] StripeError),
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
    /// A bug: the code panicked.
    #[error("panicked: {0}")]
    Panicked(String),
}

impl ReconcileError {
    /// The failure as the worker decides on it and ops sees it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let own = |class, code: &str| Failure {
            class,
            code: code.to_owned(),
            chain: chain(self),
            request_id: None,
            should_retry: None,
        };
        match self {
            Self::Stripe(error) => error.failure(),
            Self::PerhapsDeleted(error) => Failure {
                request_id: error.failure().request_id,
                ..own(Class::Transient, "object_missing")
            },
            Self::NotPermitted(error) => Failure {
                request_id: error.failure().request_id,
                ..own(Class::Permanent, "stripe_permission_missing")
            },
            Self::Store(error) => error.failure(),
            Self::Contested { .. } => own(Class::Transient, "row_contested"),
            Self::KindMismatch(_) => own(Class::Permanent, "kind_mismatch"),
            // A panic may come from one object's data or from a passing state; the budget of
            // attempts tells the two apart.
            Self::Panicked(_) => own(Class::Transient, "panicked"),
        }
    }

    /// The dependency that failed, whatever the class: many jobs failing at the same one in a row
    /// mean that it is down.
    #[must_use]
    pub fn at(&self) -> Option<Dependency> {
        match self {
            Self::Stripe(_) => Some(Dependency::Stripe),
            Self::Store(_) => Some(Dependency::Postgres),
            // Stripe answered well.
            Self::PerhapsDeleted(_)
            | Self::NotPermitted(_)
            | Self::Contested { .. }
            | Self::KindMismatch(_)
            | Self::Panicked(_) => None,
        }
    }
}

fn chain(error: &dyn StdError) -> Vec<String> {
    let mut all = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        all.push(cause.to_string());
        next = cause.source();
    }
    all
}
