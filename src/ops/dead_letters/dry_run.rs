//! Dry run of a retry: compares the objects of dead letters with Stripe, and writes nothing.

use serde::Serialize;
use utoipa::ToSchema;

use super::act::meant;
use crate::domain::{failure, object};
use crate::envelope;
use crate::ops::compare::{self, Comparison};
use crate::ops::name::{self, Name};
use crate::reconcile::Reconciler;
use crate::store::dead_letter::{ActWord, DeadLetter, DeadLetterId, Filter};
use crate::store::object::ObjectKey;
use crate::store::{Store, StoreError};

/// Maximum number of dead letters of a dry run by filter. Each is a request to Stripe.
pub const MOST: u32 = 20;

/// The dry run of one dead letter.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DryRun {
    /// The dead letter.
    pub id: DeadLetterId,
    /// Its object compared with Stripe.
    pub comparison: Option<Comparison>,
    /// Why there is no comparison: the error that a retry would most likely get, or that there is no object.
    pub error: Option<String>,
}

/// The dry runs of several dead letters.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DryRuns {
    /// Number of dead letters that a retry would include.
    pub count: i64,
    /// One entry for each that was named, or for the newest that match.
    pub dry_run: Vec<DryRun>,
}

/// A dry run failed.
#[derive(Debug, thiserror::Error)]
pub enum DryRunError {
    /// There is no dead letter with this id.
    #[error("there is no dead letter {0}")]
    NoSuchDeadLetter(DeadLetterId),
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Fetches the object of each dead letter from Stripe, one after the other, and compares it with its row. Writes
/// nothing, and queues nothing. Includes all dead letters that are named by id, or the newest [`MOST`] that match.
///
/// # Errors
/// An unknown id, or Postgres. An error of Stripe is the result of its dead letter.
pub async fn dry_run(
    store: &Store,
    reconciler: &Reconciler,
    selection: &Filter,
) -> Result<DryRuns, DryRunError> {
    let (count, dead_letters) = dead_letters(store, selection).await?;
    let mut found = Vec::with_capacity(dead_letters.len());
    for dead_letter in &dead_letters {
        let (comparison, error) = match look(store, reconciler, dead_letter).await {
            Ok(comparison) => (Some(comparison), None),
            Err(Unseen::Store(error)) => return Err(error.into()),
            Err(Unseen::Because(why)) => (None, Some(why)),
        };
        found.push(DryRun { id: dead_letter.id, comparison, error });
    }
    Ok(DryRuns { count, dry_run: found })
}

/// Counts the dead letters that are meant, and reads those to look at.
async fn dead_letters(
    store: &Store,
    selection: &Filter,
) -> Result<(i64, Vec<DeadLetter>), DryRunError> {
    let Some(ids) = &selection.ids else {
        let selection = meant(ActWord::Retry, selection);
        let (count, _) = store.count_dead_letters(&selection, None).await?;
        let dead_letters = store.dead_letters(&selection, None, MOST).await?;
        return Ok((count, dead_letters));
    };
    let most = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let dead_letters = store.dead_letters(selection, None, most).await?;
    match ids.iter().find(|id| !dead_letters.iter().any(|dead_letter| dead_letter.id == **id)) {
        Some(missing) => Err(DryRunError::NoSuchDeadLetter(*missing)),
        None => Ok((i64::from(most), dead_letters)),
    }
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
    dead_letter: &DeadLetter,
) -> Result<Comparison, Unseen> {
    if dead_letter.notification.is_some() {
        let text = "a notification would be sent again; it needs no look at Stripe";
        return Err(Unseen::Because(text.to_owned()));
    }
    let whole = store.find_dead_letter(dead_letter.id).await.map_err(Unseen::Store)?;
    let payload = whole.and_then(|whole| whole.payload);
    if let Some(Ok(event)) = payload.map(|body| envelope::parse(body.to_string().as_bytes())) {
        let subjects = object::subjects(&event).map_err(|error| Unseen::because(&error))?;
        let Some(subject) = subjects.first() else {
            let text =
                "there is nothing of it to look at: it would be kept in the ledger as ignored";
            return Err(Unseen::Because(text.to_owned()));
        };
        let compared = compare::compare(store, reconciler, subject, Some(&event)).await;
        return compared.map_err(|error| Unseen::because(&error));
    }
    let name = named(dead_letter)
        .ok_or_else(|| Unseen::Because("its object is unknown: the event cannot be read".into()))?;
    let subject = name::subject(store, &name, reconciler.mode()).await;
    let subject = subject.map_err(|error| match error {
        name::NameError::Store(error) => Unseen::Store(error),
        name::NameError::Unknown { .. }
        | name::NameError::Ambiguous { .. }
        | name::NameError::TooLittle { .. } => Unseen::because(&error),
    })?;
    let compared = compare::compare(store, reconciler, &subject, None).await;
    compared.map_err(|error| Unseen::because(&error))
}

fn named(dead_letter: &DeadLetter) -> Option<Name> {
    let key = ObjectKey {
        kind: dead_letter.object_kind.clone()?,
        id: dead_letter.object_id.clone()?,
        account: dead_letter.account.clone()?,
        livemode: dead_letter.livemode?,
    };
    Name::of_key(&key)
}
