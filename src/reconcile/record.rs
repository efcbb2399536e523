//! Records what Stripe answered to a command.
//!
//! Called by whoever has Stripe create or change an object. The row's version is read before Stripe is
//! asked and demanded by the write, as in a round; only the answer comes from elsewhere. It must never know
//! what a command is.

use super::decision;
use super::error::{Fault, ReconcileError};
use super::reconciler::Reconciler;
use super::task::{Settled, Task};
use crate::domain::object::{Row, Subject};
use crate::store::{Applied, CommandClosing, Settlement};
use crate::stripe_api::Fetched;

/// What was recorded of an object before Stripe was asked to create or to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    subject: Subject,
    row: Option<Row>,
}

impl Before {
    /// Nothing: Stripe has only now created the object.
    #[must_use]
    pub fn created(subject: Subject) -> Self {
        Self { subject, row: None }
    }
}

impl Reconciler {
    /// Reads what is recorded of an object. To be called *before* Stripe is asked to change it.
    ///
    /// # Errors
    /// Postgres failed.
    pub async fn before(&self, subject: Subject) -> Result<Before, Fault> {
        let known = self.inner.batched.load(Vec::new(), subject.clone()).await;
        let row = known.map_err(ReconcileError::from)?.row;
        Ok(Before { subject, row })
    }

    /// Writes what Stripe answered when it created or changed an object, and the end of the command in the
    /// same transaction. Where the row has been written since `before` was read, the answer may be older than
    /// the row: then the row is brought up to the time of the answer instead, with a request if it has to be,
    /// and the command is ended after that.
    ///
    /// The answer must be Stripe's answer to a request that was sent after `before` was read. A replayed answer
    /// (`Idempotent-Replayed: true`) is none: it shows the object as it was at the first request. For that there
    /// is [`Self::refresh`].
    ///
    /// # Errors
    /// Postgres failed, or the row had been written since and Stripe could not be asked. The command is not
    /// ended then. The row may have been written, and calling this again does no harm.
    pub async fn record(
        &self,
        before: Before,
        answer: Fetched,
        command: Option<CommandClosing>,
    ) -> Result<Settled, Fault> {
        let Before { subject, row } = before;
        let request_id = answer.request_id.clone();
        let answered_by = answer.seen_by;
        let change = decision::decide(&subject, row.as_ref(), answer, None);
        let change = change.map_err(ReconcileError::from)?;
        let outcome = decision::outcome_of_change(&change);
        let anomalous = decision::is_anomalous(&change);
        let settlement =
            Settlement { change: Some(change), events: Vec::new(), command: command.clone() };
        if self.inner.write(settlement).await? == Applied::Done {
            if anomalous {
                self.inner.metrics.anomaly(subject.kind);
            }
            return Ok(Settled::Now { outcome, fetched: true, request_id });
        }
        self.inner.metrics.conflict();
        let settled =
            self.fly(subject, Task::Refresh { created: answered_by, cause: None }).await?;
        if command.is_some() {
            self.inner.write(Settlement { change: None, events: Vec::new(), command }).await?;
        }
        Ok(settled)
    }
}
