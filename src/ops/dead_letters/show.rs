//! One letter, with all that is known around it.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::link;
use crate::store::dead_letter::{DeadLetterId, Letter};
use crate::store::history::{AuditEntry, CurrentRow, KeptAttempt, KeptTransition};
use crate::store::{Store, StoreError};

/// A letter with all that is known around it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Shown {
    /// The letter; its payload, where it was asked for.
    pub dead_letter: Letter,
    /// Whether there is a payload to ask for.
    pub payload_kept: bool,
    /// Its object in Stripe's dashboard, in its mode and account.
    pub dashboard_url: Option<String>,
    /// Every attempt at its event, oldest first; none for a notification.
    pub attempts: Vec<KeptAttempt>,
    /// Its object as it is now.
    pub current: Option<CurrentRow>,
    /// What its object went through, oldest first.
    pub transitions: Vec<KeptTransition>,
    /// What people did with it, also by operations, oldest first.
    pub audit: Vec<AuditEntry>,
}

/// One letter and what is known around it. The payload, redacted, only where it is asked for: it is
/// what a customer's data is in.
///
/// # Errors
/// Postgres.
pub async fn show(
    store: &Store,
    id: DeadLetterId,
    with_payload: bool,
) -> Result<Option<Shown>, StoreError> {
    let Some(mut letter) = store.find_dead_letter(id).await? else { return Ok(None) };
    if let Some(notification) = letter.notification {
        letter.payload = store.notification(notification).await?;
    }
    let payload_kept = letter.payload.as_ref().is_some_and(|payload| *payload != Value::Null);
    if !with_payload {
        letter.payload = None;
    }
    let attempts = match letter.notification {
        None => store.attempts(&letter.event_key).await?,
        Some(_) => Vec::new(),
    };
    let mut current = None;
    let mut transitions = Vec::new();
    let mut dashboard_url = None;
    if let (Some(account), Some(livemode), Some(kind), Some(object)) =
        (&letter.account, letter.livemode, &letter.object_kind, &letter.object_id)
    {
        current = store.current(account, livemode, kind, object).await?;
        transitions = store.transitions(account, livemode, kind, object).await?;
        dashboard_url = Some(link(account, livemode, kind, object));
    }
    let audit = store.dead_letter_audit(id).await?;
    Ok(Some(Shown {
        dead_letter: letter,
        payload_kept,
        dashboard_url,
        attempts,
        current,
        transitions,
        audit,
    }))
}
