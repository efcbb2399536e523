//! What a retry of dead letters would find, without doing it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::failure;
use crate::ops::compare::{self, Comparison};
use crate::ops::name::{self, Name};
use crate::reconcile::Reconciler;
use crate::store::dead_letter::{DeadLetterId, Letter};
use crate::store::object::ObjectKey;
use crate::store::{Store, StoreError};

/// What a retry of one letter would find.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DryRun {
    /// The letter.
    pub id: DeadLetterId,
    /// Its object and what Stripe says of it now, beside each other.
    pub comparison: Option<Comparison>,
    /// Why there is none: what a retry would most likely fail with, or that there is nothing to look
    /// at.
    pub error: Option<String>,
}

/// Asks Stripe about the object of each letter, one after the other, and says what a retry would
/// change. Writes nothing, and puts nothing into the queue.
///
/// # Errors
/// Postgres. What Stripe refuses is said of the letter: finding that out is what this is for.
pub async fn dry_run(
    store: &Store,
    reconciler: &Reconciler,
    letters: &[Letter],
) -> Result<Vec<DryRun>, StoreError> {
    let mut found = Vec::with_capacity(letters.len());
    for letter in letters {
        let (comparison, error) = match look(store, reconciler, letter).await {
            Ok(comparison) => (Some(comparison), None),
            Err(Unseen::Store(error)) => return Err(error),
            Err(Unseen::Because(why)) => (None, Some(why)),
        };
        found.push(DryRun { id: letter.id, comparison, error });
    }
    Ok(found)
}

enum Unseen {
    Store(StoreError),
    Because(String),
}

impl Unseen {
    fn because(error: &dyn std::error::Error) -> Self {
        Self::Because(failure::chain(error).join(": "))
    }
}

async fn look(
    store: &Store,
    reconciler: &Reconciler,
    letter: &Letter,
) -> Result<Comparison, Unseen> {
    if letter.notification.is_some() {
        let text = "a notification would be sent again; it needs no look at Stripe";
        return Err(Unseen::Because(text.to_owned()));
    }
    let name = named(letter).ok_or_else(|| {
        Unseen::Because("nobody knows which object it is about: its event cannot be read".into())
    })?;
    let subject = name::subject(store, &name, reconciler.mode()).await;
    let subject = subject.map_err(|error| match error {
        name::NameError::Store(error) => Unseen::Store(error),
        name::NameError::Unknown { .. }
        | name::NameError::Ambiguous { .. }
        | name::NameError::TooLittle { .. } => Unseen::because(&error),
    })?;
    let compared = compare::compare(store, reconciler, &subject).await;
    compared.map_err(|error| Unseen::because(&error))
}

fn named(letter: &Letter) -> Option<Name> {
    let key = ObjectKey {
        kind: letter.object_kind.clone()?,
        id: letter.object_id.clone()?,
        account: letter.account.clone()?,
        livemode: letter.livemode?,
    };
    Option::<Name>::from(&key)
}
