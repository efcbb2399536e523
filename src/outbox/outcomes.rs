//! Outcomes of claimed notifications that are not recorded yet.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::failure::Class;
use crate::store::dead_letter::DeadLetterReason;
use crate::store::outbox::{Claimed, Undelivered};
use crate::store::{Store, StoreError};

/// Most deliveries that one statement records.
const AT_ONCE: usize = 500;

/// Tries to record a failure while Postgres can be reached. After that the notification is sent
/// again when its lease ends.
const MOST_TRIES: u32 = 5;

/// Outcomes that are not recorded yet. A batcher: what is added while a statement runs is recorded by the
/// next one.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    delivered: Vec<Uuid>,
    undelivered: Vec<Batch>,
    unsent: Vec<Claimed>,
}

/// Notifications that were not delivered, all for one reason.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) claimed: Vec<Claimed>,
    pub(super) again: Result<Duration, DeadLetterReason>,
    pub(super) counts: bool,
    pub(super) class: Class,
    pub(super) code: String,
    pub(super) message: String,
    /// How often recording it failed.
    pub(super) tries: u32,
}

impl Outcomes {
    pub(super) fn is_empty(&self) -> bool {
        self.delivered.is_empty() && self.undelivered.is_empty() && self.unsent.is_empty()
    }

    pub(super) fn delivered(&mut self, ids: impl IntoIterator<Item = Uuid>) {
        self.delivered.extend(ids);
    }

    pub(super) fn undelivered(&mut self, batch: Batch) {
        self.undelivered.push(batch);
    }

    /// Adds claims that are released without having been sent.
    pub(super) fn unsent(&mut self, claimed: impl IntoIterator<Item = Claimed>) {
        self.unsent.extend(claimed);
    }

    /// Puts outcomes in front that could not be recorded earlier.
    pub(super) fn precede(&mut self, mut earlier: Self) {
        earlier.delivered.append(&mut self.delivered);
        earlier.undelivered.append(&mut self.undelivered);
        earlier.unsent.append(&mut self.unsent);
        *self = earlier;
    }

    /// Records all outcomes.
    ///
    /// # Errors
    /// The first error, and the outcomes that are left to be recorded. If the process dies with them, their
    /// notifications are sent again when their leases end.
    pub(super) async fn record(
        mut self,
        store: &Store,
        destination: &str,
    ) -> Result<(), (Self, StoreError)> {
        while !self.delivered.is_empty() {
            let count = self.delivered.len().min(AT_ONCE);
            if let Err(error) = store.mark_delivered(destination, &self.delivered[..count]).await {
                return Err((self, error));
            }
            self.delivered.drain(..count);
        }
        while let Some(mut batch) = self.undelivered.pop() {
            if let Err(error) = batch.record(store, destination).await {
                batch.tries += 1;
                let is_outage =
                    matches!(error.class(), Class::Unavailable(_) | Class::Misconfigured(_));
                if is_outage || batch.tries < MOST_TRIES {
                    // Last in the queue: a batch that cannot be recorded must not block the others.
                    self.undelivered.insert(0, batch);
                } else {
                    tracing::error!(
                        destination, count = batch.claimed.len(), %error,
                        "failed deliveries cannot be recorded; they are sent again"
                    );
                }
                return Err((self, error));
            }
        }
        if !self.unsent.is_empty()
            && let Err(error) = store.release_claims(destination, &self.unsent).await
        {
            return Err((self, error));
        }
        Ok(())
    }
}

impl Batch {
    async fn record(&self, store: &Store, destination: &str) -> Result<(), StoreError> {
        let claimed: Vec<_> = self.claimed.iter().collect();
        let undelivered = Undelivered {
            claimed: &claimed,
            again: self.again,
            counts: self.counts,
            class: self.class.as_str(),
            code: &self.code,
            message: &self.message,
        };
        store.mark_undelivered(destination, &undelivered).await
    }
}
