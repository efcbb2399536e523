//! Records failed attempts and dead letters in Postgres, before the queue acts on them.

use std::time::Duration;

use super::clock::Clock;
use super::job::{Handler, receipt, trace_id};
use super::outages::Verdict;
use crate::domain::failure::{Dependency, Failure};
use crate::domain::retry::Decision;
use crate::queue::{Delivery, Disposition};
use crate::reconcile::{Fault, ReconcileError};
use crate::store::dead_letter::{DeadEvent, DeadLetterReason, NewDeadLetter};
use crate::store::{Attempt, StoreError};

/// Delay of a job whose dead letter Postgres refused for a reason of its own.
const RELUCTANT: Duration = Duration::from_secs(60);

enum Recorded {
    Yes,
    Stopped,
    Refused(String),
}

impl Handler {
    /// Records the decision in Postgres, then answers what the queue has to do.
    pub(super) async fn dispose(
        &self,
        delivery: &Delivery,
        event: DeadEvent,
        decision: Decision,
        clock: Clock,
        failure: Failure,
    ) -> Disposition {
        match decision {
            Decision::Snooze { after } => Disposition::Snooze { after },
            Decision::Retry { after } => {
                let attempt = self.attempt(delivery, clock, failure);
                let record = || self.store.record_attempt(&event, &attempt);
                match self.persist(record).await {
                    Recorded::Yes => Disposition::Retry { after },
                    Recorded::Stopped => Disposition::HandBack,
                    // The job matters more than the note about its attempt.
                    Recorded::Refused(error) => {
                        tracing::error!(error, event = event.key, "the attempt could not be kept");
                        Disposition::Retry { after }
                    }
                }
            }
            Decision::DeadLetter { reason } => {
                self.dead_letter(delivery, event, reason.into(), clock, failure).await
            }
        }
    }

    /// Writes the dead letter; only then is the job done. Without it the job stays in the queue.
    pub(super) async fn dead_letter(
        &self,
        delivery: &Delivery,
        event: DeadEvent,
        reason: DeadLetterReason,
        clock: Clock,
        failure: Failure,
    ) -> Disposition {
        let dead_letter = NewDeadLetter {
            event,
            receipt: receipt(delivery),
            lane: delivery.lane.as_str().to_owned(),
            reason,
            attempt: self.attempt(delivery, clock, failure.clone()),
            failure,
            body: delivery.job.body.clone(),
        };
        match self.persist(|| self.store.dead_letter(&dead_letter)).await {
            Recorded::Yes => {
                self.metrics.gave_up(dead_letter.failure.class, dead_letter.reason);
                Disposition::Done
            }
            Recorded::Stopped => Disposition::HandBack,
            Recorded::Refused(error) => {
                tracing::error!(
                    error,
                    event = dead_letter.event.key,
                    reason = dead_letter.reason.as_str(),
                    "the dead letter could not be written; the job stays in the queue"
                );
                Disposition::Snooze { after: RELUCTANT }
            }
        }
    }

    /// Writes, through as many outages of Postgres as it takes.
    async fn persist<T, F>(&self, mut write: impl FnMut() -> F) -> Recorded
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            let pass = tokio::select! {
                biased;
                pass = self.outages.enter() => pass,
                () = self.stopping.cancelled() => return Recorded::Stopped,
            };
            let error = match write().await {
                Ok(_) => {
                    self.outages.succeeded(pass, &[Dependency::Postgres]);
                    return Recorded::Yes;
                }
                Err(error) => error,
            };
            let fault = Fault::from(ReconcileError::from(error));
            // The record is worth more than the place that the job holds while it waits.
            if self.outages.failed(pass, None, &fault) == Verdict::OfTheJob {
                return Recorded::Refused(fault.failure.message());
            }
        }
    }

    fn attempt(&self, delivery: &Delivery, clock: Clock, failure: Failure) -> Attempt {
        Attempt {
            number: delivery.job.meta.attempt.saturating_add(1),
            started_at_ms: clock.at_ms,
            duration_ms: clock.elapsed_ms(),
            worker: self.worker.clone(),
            request_id: failure.request_id.clone(),
            trace_id: trace_id(delivery),
            failure: Some(failure),
        }
    }
}
