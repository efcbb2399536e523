//! `quittance events`: reads the event log. [`super::replay`] processes an event again.

use serde::Serialize;
use utoipa::ToSchema;

use crate::store::audit::AuditRow;
use crate::store::ledger::{After, EventFilter, LedgerEvent};
use crate::store::object::ObjectKey;
use crate::store::timeline::{Attempt, ObjectDeadLetter};
use crate::store::{Store, StoreError};

/// Maximum number of attempts, dead letters and manual actions that are shown of one event, newest first.
const MOST: u32 = 200;

/// A page of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventPage {
    /// The events, the last received first.
    pub events: Vec<LedgerEvent>,
    /// The next page begins before this event; none: this is the last page.
    pub next: Option<String>,
}

/// Why events could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The event that a page should begin before is not there.
    #[error("there is no event {0} in the ledger, so no page can begin before it")]
    NoSuchEvent(String),
    /// Postgres.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lists events that came to an end, the last received first: those that were received before the
/// event `before`, which is the last one of the page before.
///
/// # Errors
/// There is no such event, or Postgres.
pub async fn list(
    store: &Store,
    filter: &EventFilter,
    before: Option<&str>,
    limit: u32,
) -> Result<EventPage, ListError> {
    let after = match before {
        None => None,
        Some(id) => match store.find_event(id).await? {
            Some(event) => Some(After::from(&event)),
            None => return Err(ListError::NoSuchEvent(id.to_owned())),
        },
    };
    let mut events = store.events(filter, after.as_ref(), limit.saturating_add(1)).await?;
    let more = events.len() > limit as usize;
    events.truncate(limit as usize);
    let next = events.last().filter(|_| more).map(|event| event.id.clone());
    Ok(EventPage { events, next })
}

/// All that is known of one event.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct EventShown {
    /// Its id.
    pub id: String,
    /// Its row in the ledger; none while it is in the queue.
    pub event: Option<LedgerEvent>,
    /// What it is about, where that is known.
    pub object: Option<ObjectKey>,
    /// The attempts at it, oldest first.
    pub attempts: Vec<Attempt>,
    /// Its dead letters, oldest first.
    pub dead_letters: Vec<ObjectDeadLetter>,
    /// What people did about it, oldest first.
    pub acts: Vec<AuditRow>,
}

/// Shows an event: where it ended, every attempt at it, its dead letters. `None`: no table knows it,
/// so it never came, or it waits in the queue for its first attempt.
///
/// # Errors
/// Postgres.
pub async fn show(store: &Store, id: &str) -> Result<Option<EventShown>, StoreError> {
    let event = store.find_event(id).await?;
    let mut attempts = store.attempts_at(id, MOST).await?;
    let mut dead_letters = store.dead_letters_about(id, MOST).await?;
    if event.is_none() && attempts.is_empty() && dead_letters.is_empty() {
        return Ok(None);
    }
    let targets: Vec<String> = std::iter::once(format!("event:{id}"))
        .chain(dead_letters.iter().map(|dead_letter| format!("dead_letter:{}", dead_letter.id)))
        .collect();
    let mut acts = store.acts_on(&targets, MOST).await?;
    attempts.reverse();
    dead_letters.reverse();
    acts.reverse();
    let object = match &event {
        Some(event) => object(event),
        None => store.object_of_attempts(id).await?,
    };
    Ok(Some(EventShown { id: id.to_owned(), event, object, attempts, dead_letters, acts }))
}

/// The object of an event of the ledger.
pub(super) fn object(event: &LedgerEvent) -> Option<ObjectKey> {
    Some(ObjectKey {
        kind: event.object_kind.clone()?,
        id: event.object_id.clone()?,
        account: event.account.clone()?,
        livemode: event.livemode?,
    })
}
