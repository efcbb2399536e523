//! The road without its last step: what would be written, and what an event says.

use super::decision::decide;
use super::error::{Fault, ReconcileError};
use super::missing::{self, Asker};
use super::reconciler::{self, Reconciler};
use crate::domain::access;
use crate::domain::event::{Event, Timestamp};
use crate::domain::event_types;
use crate::domain::id::{EventId, Mode, Scope};
use crate::domain::object::Subject;
use crate::domain::plan::Next;
use crate::store::Change;
use crate::stripe_api::{FetchedEvent, StripeError};

/// What a look at an object comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Looked {
    /// Stripe was asked; this is what a reconciliation would write.
    Seen {
        /// The change, on the version that is there now.
        change: Box<Change>,
        /// Stripe's id of the request.
        request_id: Option<String>,
    },
    /// The row is a tombstone. It is final, so nobody asks.
    Buried,
    /// Its account took our access back, so there is nobody to ask.
    Deauthorized,
}

impl Reconciler {
    /// Asks Stripe for an object and decides, and writes nothing. `event`: the one that would have it
    /// reconciled; none where somebody only wonders.
    ///
    /// # Errors
    /// Stripe or Postgres failed.
    pub async fn look(&self, subject: &Subject, event: Option<&Event>) -> Result<Looked, Fault> {
        let inner = &self.inner;
        let loaded = inner.store.load(&[], std::slice::from_ref(subject)).await;
        let loaded = loaded.map_err(ReconcileError::from)?;
        let row = loaded.rows.into_iter().next().flatten();
        if row.as_ref().is_some_and(|row| row.deleted) {
            return Ok(Looked::Buried);
        }
        let ended = loaded.access_ended.into_iter().next().flatten();
        let (created, word) = event.map_or((Timestamp::MAX, None), |event| {
            (event.created, access::word(&event.event_type))
        });
        let next = access::next(Next::Fetch, row.as_ref(), ended, word, created, inner.margin);
        if matches!(next, Next::Close | Next::Closed) {
            return Ok(Looked::Deauthorized);
        }
        let answer = inner.stripe.fetch(subject).await;
        if ended.is_some() && answer.as_ref().is_err_and(StripeError::is_access_lost) {
            return Ok(Looked::Deauthorized);
        }
        let told_detached = event.is_some_and(|it| event_types::is_detachment(&it.event_type));
        let answer = missing::detached(subject, told_detached, answer);
        let asker = event.map_or_else(Asker::default, |event| Asker::of_event(event, subject));
        let judged = missing::judge(&inner.stripe, subject, &[asker], answer, inner.read_lag).await;
        let fault = |all: Vec<Fault>| all.into_iter().next().unwrap_or_else(reconciler::lost);
        let fetched = judged.map_err(fault)?;
        let request_id = fetched.request_id.clone();
        let change = decide(subject, row.as_ref(), fetched, None).map_err(ReconcileError::from)?;
        Ok(Looked::Seen { change: Box::new(change), request_id })
    }

    /// Asks Stripe for an event, as it was sent. `None`: Stripe has none of this id, or no longer.
    ///
    /// # Errors
    /// Stripe failed.
    pub async fn event(&self, scope: &Scope, id: &EventId) -> Result<Option<FetchedEvent>, Fault> {
        match self.inner.stripe.event(scope, id).await {
            Ok(event) => Ok(Some(event)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(ReconcileError::from(error).into()),
        }
    }

    /// The mode of the objects that the key can read, where the key says it.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.inner.stripe.key_mode()
    }
}
