//! One job: decode, settle, and say what the queue does with it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::clock::Clock;
use super::gate::Gate;
use super::log;
use crate::domain::event::Event;
use crate::domain::failure::{Class, Failure};
use crate::domain::retry::{self, DeadReason, Decision, Jitter, Policy};
use crate::envelope;
use crate::queue::{Delivery, Disposition};
use crate::reconcile::{Fault, ReconcileError, Reconciler, Request, Settled};
use crate::store::dead_letter::{DeadEvent, LetterReason, NewDeadLetter};
use crate::store::{Attempt, Receipt, Store, StoreError};

/// What it takes to do a job. One a process; cheap to clone.
#[derive(Clone)]
pub(super) struct Handler {
    pub(super) reconciler: Reconciler,
    pub(super) store: Store,
    pub(super) gate: Gate,
    pub(super) policy: Policy,
    pub(super) max_deliveries: u32,
    pub(super) timeout: Duration,
    pub(super) worker: String,
    /// Cancelled when the worker has been told to stop.
    pub(super) stopping: CancellationToken,
    /// The source of jitter: a number in `0.0..1.0`.
    pub(super) random: fn() -> f64,
}

/// How one attempt ended, before anything is kept or acknowledged.
enum Ended {
    Settled,
    Outage,
    Failed { decision: Decision, clock: Clock, failure: Failure },
    Stopped,
}

impl Handler {
    /// Does a job, however long the outages on its way last.
    pub(super) async fn handle(self, delivery: Delivery) -> Disposition {
        let span = tracing::info_span!(
            "job",
            job = %delivery.id,
            lane = delivery.lane.as_str(),
            trace = delivery.job.meta.trace.as_deref().unwrap_or_default(),
        );
        async {
            match AssertUnwindSafe(self.run(&delivery)).catch_unwind().await {
                Ok(disposition) => disposition,
                Err(panic) => {
                    let fault = Fault::from(ReconcileError::of_panic(&*panic));
                    // It is no `Sync`, and may not be held while this waits.
                    drop(panic);
                    self.after_panic(&delivery, fault.failure).await
                }
            }
        }
        .instrument(span)
        .await
    }

    /// A panic is a bug, and yet a failure like any other: it costs an attempt, it is kept, and the
    /// job that always meets it is given up in the end.
    async fn after_panic(&self, delivery: &Delivery, failure: Failure) -> Disposition {
        let clock = Clock::start();
        // The whole delay: what draws the jitter may be what panicked.
        let number = delivery.job.meta.attempt.saturating_add(1);
        let decision = retry::decide(&failure, number, &self.policy, Jitter::new(1.0));
        // So may be what reads the event.
        let event = std::panic::catch_unwind(|| envelope::parse(&delivery.job.body));
        match (event, decision) {
            (Ok(Ok(event)), decision) => {
                log::failed(&event, delivery, number, &clock, &failure, &decision);
                self.dispose(delivery, &event, decision, clock, failure).await
            }
            (_, Decision::Retry { after }) => Disposition::Retry { after },
            (_, Decision::Snooze { after }) => Disposition::Snooze { after },
            (_, Decision::DeadLetter { reason }) => {
                let event = DeadEvent::unreadable(&delivery.job.body);
                self.bury(delivery, event, reason.into(), clock, failure).await
            }
        }
    }

    async fn run(&self, delivery: &Delivery) -> Disposition {
        let event = match envelope::parse(&delivery.job.body) {
            Ok(event) => event,
            Err(error) => {
                let failure = plain(Class::Permanent, "event_undecodable", error.to_string());
                let event = DeadEvent::unreadable(&delivery.job.body);
                tracing::warn!(event = event.key, error = %error, "the event cannot be decoded");
                let reason = LetterReason::Undecodable;
                return self.bury(delivery, event, reason, Clock::start(), failure).await;
            }
        };
        if delivery.deliveries > self.max_deliveries {
            let died = delivery.deliveries - 1;
            let text = format!("the worker that held this job died, {died} times in a row");
            let failure = plain(Class::Permanent, "worker_died", text);
            tracing::error!(event = %event.id, died, "a job that kills its workers is given up");
            let reason = DeadReason::Poison.into();
            return self.bury(delivery, (&event).into(), reason, Clock::start(), failure).await;
        }
        loop {
            match self.attempt_once(delivery, &event).await {
                Ended::Settled => return Disposition::Done,
                Ended::Outage => {}
                Ended::Stopped => return Disposition::HandBack,
                Ended::Failed { decision, clock, failure } => {
                    return self.dispose(delivery, &event, decision, clock, failure).await;
                }
            }
        }
    }

    async fn attempt_once(&self, delivery: &Delivery, event: &Event) -> Ended {
        let pass = tokio::select! {
            biased;
            pass = self.gate.enter() => pass,
            () = self.stopping.cancelled() => return Ended::Stopped,
        };
        let clock = Clock::start();
        let number = delivery.job.meta.attempt.saturating_add(1);
        let request = Request {
            event: event.clone(),
            receipt: receipt(delivery),
            attempt: number,
            started_at_ms: clock.at_ms,
            started: clock.at,
            worker: self.worker.clone(),
            trace_id: trace_id(delivery),
        };
        let result = tokio::time::timeout(self.timeout, self.reconciler.settle(request)).await;
        let fault = match result {
            Ok(Ok(settled)) => {
                let asked = matches!(&settled, Settled::Now { fetched: true, .. });
                self.gate.succeeded(pass, asked);
                log::settled(event, delivery, number, &clock, &settled);
                return Ended::Settled;
            }
            Ok(Err(fault)) => fault,
            Err(_) => Fault { failure: timed_out(self.timeout), at: None },
        };
        if self.gate.failed(pass, Some(&event.id), &fault) {
            return Ended::Outage;
        }
        let jitter = Jitter::new((self.random)());
        let decision = retry::decide(&fault.failure, number, &self.policy, jitter);
        log::failed(event, delivery, number, &clock, &fault.failure, &decision);
        Ended::Failed { decision, clock, failure: fault.failure }
    }

    /// Keeps the decision in the tables, then tells the queue.
    async fn dispose(
        &self,
        delivery: &Delivery,
        event: &Event,
        decision: Decision,
        clock: Clock,
        failure: Failure,
    ) -> Disposition {
        match decision {
            Decision::Snooze { after } => Disposition::Snooze { after },
            Decision::Retry { after } => {
                let attempt = self.attempt(delivery, clock, Some(failure));
                let keep = || self.store.record_attempt(event.id.as_str(), &attempt);
                match self.persist(keep).await {
                    Kept::Yes => Disposition::Retry { after },
                    Kept::Stopped => Disposition::HandBack,
                    // The job matters more than the note about its attempt.
                    Kept::Refused(error) => {
                        tracing::error!(error, event = %event.id, "the attempt could not be kept");
                        Disposition::Retry { after }
                    }
                }
            }
            Decision::DeadLetter { reason } => {
                self.bury(delivery, event.into(), reason.into(), clock, failure).await
            }
        }
    }

    /// Writes the dead letter; only then is the job done. Without it the job stays in the queue.
    async fn bury(
        &self,
        delivery: &Delivery,
        event: DeadEvent,
        reason: LetterReason,
        clock: Clock,
        failure: Failure,
    ) -> Disposition {
        let letter = NewDeadLetter {
            event,
            receipt: receipt(delivery),
            lane: delivery.lane.as_str().to_owned(),
            reason,
            attempt: self.attempt(delivery, clock, Some(failure.clone())),
            failure,
            body: delivery.job.body.clone(),
        };
        match self.persist(|| self.store.dead_letter(&letter)).await {
            Kept::Yes => Disposition::Done,
            Kept::Stopped => Disposition::HandBack,
            Kept::Refused(error) => {
                tracing::error!(
                    error,
                    event = letter.event.key,
                    reason = letter.reason.as_str(),
                    "the dead letter could not be written; the job stays in the queue"
                );
                Disposition::Snooze { after: RELUCTANT }
            }
        }
    }

    /// Writes, through as many outages of Postgres as it takes.
    async fn persist<T, F>(&self, mut write: impl FnMut() -> F) -> Kept
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            let pass = tokio::select! {
                biased;
                pass = self.gate.enter() => pass,
                () = self.stopping.cancelled() => return Kept::Stopped,
            };
            let error = match write().await {
                Ok(_) => {
                    self.gate.succeeded(pass, false);
                    return Kept::Yes;
                }
                Err(error) => error,
            };
            let fault = Fault::from(ReconcileError::from(error));
            if !self.gate.failed(pass, None, &fault) {
                return Kept::Refused(fault.failure.message());
            }
        }
    }

    fn attempt(&self, delivery: &Delivery, clock: Clock, failure: Option<Failure>) -> Attempt {
        Attempt {
            number: delivery.job.meta.attempt.saturating_add(1),
            started_at_ms: clock.at_ms,
            duration_ms: clock.elapsed_ms(),
            worker: self.worker.clone(),
            request_id: failure.as_ref().and_then(|f| f.request_id.clone()),
            trace_id: trace_id(delivery),
            failure,
        }
    }
}

/// How long a job waits whose dead letter Postgres refused for a reason of its own.
const RELUCTANT: Duration = Duration::from_secs(60);

enum Kept {
    Yes,
    Stopped,
    Refused(String),
}

fn plain(class: Class, code: &str, text: String) -> Failure {
    Failure {
        class,
        code: code.to_owned(),
        chain: vec![text],
        request_id: None,
        should_retry: None,
    }
}

fn timed_out(after: Duration) -> Failure {
    let text = format!("the attempt took longer than worker.job_timeout ({after:?})");
    plain(Class::Transient, "attempt_timed_out", text)
}

fn receipt(delivery: &Delivery) -> Receipt {
    let meta = &delivery.job.meta;
    Receipt {
        endpoint: meta.endpoint.clone(),
        received_at_ms: meta.received_at_ms,
        secret_index: meta.secret_index,
    }
}

/// The trace id of a W3C `traceparent`: `00-<trace id>-<span id>-<flags>`.
fn trace_id(delivery: &Delivery) -> Option<String> {
    delivery.job.meta.trace.as_deref()?.split('-').nth(1).map(str::to_owned)
}
