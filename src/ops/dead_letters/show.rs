//! One dead letter with its event, attempts, current row, timeline and manual actions.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::dashboard::link;
use crate::ops::timeline::{Moment, Story};
use crate::store::dead_letter::{DeadLetter, DeadLetterId};
use crate::store::history::{AuditEntry, CurrentRow};
use crate::store::ledger::LedgerEvent;
use crate::store::object::ObjectKey;
use crate::store::timeline::Attempt;
use crate::store::{Store, StoreError};

/// Maximum number of timeline entries of each type that a dead letter shows of its object. `quittance
/// objects show` has more.
const MOST: u32 = 50;

/// Maximum number of attempts that a dead letter shows, which may have been retried many times.
const MOST_ATTEMPTS: u32 = 200;

/// A dead letter with its event, attempts, current row, timeline and manual actions.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Shown {
    /// The dead letter; with its payload, if requested.
    pub dead_letter: DeadLetter,
    /// Whether there is a payload to ask for.
    pub payload_kept: bool,
    /// Its object in Stripe's dashboard, in its mode and account.
    pub dashboard_url: Option<String>,
    /// Its event in the ledger.
    pub event: Option<LedgerEvent>,
    /// Every attempt at its event (the last 200), oldest first; none for a notification.
    pub attempts: Vec<Attempt>,
    /// Its object as it is now.
    pub current: Option<CurrentRow>,
    /// Timeline of its object, oldest first.
    pub timeline: Vec<Moment>,
    /// What people did with it, also by operations, oldest first.
    pub audit: Vec<AuditEntry>,
}

/// Shows one dead letter. The payload, redacted, only where it is asked for: it is
/// what a customer's data is in.
///
/// # Errors
/// Postgres.
pub async fn show(
    store: &Store,
    id: DeadLetterId,
    with_payload: bool,
) -> Result<Option<Shown>, StoreError> {
    let Some(mut dead_letter) = store.find_dead_letter(id).await? else { return Ok(None) };
    if let Some(notification) = dead_letter.notification {
        dead_letter.payload = store.notification(notification).await?;
    }
    let payload_kept = dead_letter.payload.as_ref().is_some_and(|payload| *payload != Value::Null);
    if !with_payload {
        dead_letter.payload = None;
    }
    let (event, mut attempts) = match dead_letter.notification {
        None => (
            store.find_event(&dead_letter.event_key).await?,
            store.attempts_at(&dead_letter.event_key, MOST_ATTEMPTS).await?,
        ),
        Some(_) => (None, Vec::new()),
    };
    attempts.reverse();
    let mut current = None;
    let mut timeline = Vec::new();
    let mut dashboard_url = None;
    if let (Some(account), Some(livemode), Some(kind), Some(object)) = (
        &dead_letter.account,
        dead_letter.livemode,
        &dead_letter.object_kind,
        &dead_letter.object_id,
    ) {
        current = store.current(account, livemode, kind, object).await?;
        let key = ObjectKey {
            kind: kind.clone(),
            id: object.clone(),
            account: account.clone(),
            livemode,
        };
        timeline = Story::of(store, &key, MOST).await?.moments();
        dashboard_url = Some(link(account, livemode, kind, object));
    }
    let audit = store.dead_letter_audit(id).await?;
    Ok(Some(Shown {
        dead_letter,
        payload_kept,
        dashboard_url,
        event,
        attempts,
        current,
        timeline,
        audit,
    }))
}
