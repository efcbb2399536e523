//! One job: decode, settle, and say what the queue does with it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::clock::Clock;
use super::limit::AttemptEnd;
use super::log;
use super::metrics::{Metrics, Settlement};
use super::outages::{JobOf, Outages, Verdict};
use super::quarantine::Quarantine;
use super::slots::Slots;
use crate::domain::event::Event;
use crate::domain::failure::{Class, Dependency, Failure};
use crate::domain::id::{EventId, ObjectId};
use crate::domain::retry::{self, DeadReason, Decision, Jitter, Policy};
use crate::envelope::{self, RawObject};
use crate::panics;
use crate::queue::{Delivery, Disposition, Heartbeat, JobSource, Pauses, RetryOf};
use crate::reconcile::{EventTask, Evidence, Fault, ReconcileError, Reconciler, Settled};
use crate::store::dead_letter::{DeadEvent, DeadLetterReason};
use crate::store::{Receipt, Store, StoreError};
use crate::telemetry::Step;

/// Handler of jobs. One a process; cheap to clone.
#[derive(Clone)]
pub(super) struct Handler {
    pub(super) reconciler: Reconciler,
    pub(super) store: Store,
    pub(super) outages: Outages,
    pub(super) policy: Policy,
    pub(super) max_deliveries: u32,
    pub(super) timeout: Duration,
    pub(super) worker: String,
    /// Runs suspected jobs alone.
    pub(super) quarantine: Quarantine,
    /// The slots that attempts run in: fewer than the jobs that the worker holds where attempts time out.
    pub(super) slots: Slots,
    /// The lanes that an operator has paused.
    pub(super) pauses: Pauses,
    /// Where the worker reports what runs.
    pub(super) heartbeat: Heartbeat,
    /// Cancelled when the worker has been told to stop.
    pub(super) stopping: CancellationToken,
    /// The source of jitter: a number in `0.0..1.0`.
    pub(super) random: fn() -> f64,
    pub(super) metrics: Metrics,
}

/// End of one attempt, before anything is recorded or acknowledged.
enum Ended {
    Settled,
    /// It was the retry of a dead letter, and an operator has taken it back.
    TakenBack,
    Outage,
    Returned {
        after: Duration,
    },
    Failed {
        decision: Decision,
        clock: Clock,
        failure: Failure,
    },
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
        let _running = self.metrics.running();
        self.caught(delivery).instrument(span).await
    }

    /// A panic is a failure like any other: it has a class, costs an attempt, and ends in a dead
    /// letter when it comes each time.
    async fn caught(self, delivery: Delivery) -> Disposition {
        let clock = Clock::start();
        let panic = match panics::caught(self.run(&delivery)).await {
            Ok(disposition) => return disposition,
            Err(panic) => panic,
        };
        let failure = plain(Class::Transient, "panicked", panic.to_string());
        tracing::error!(error = failure.message(), "a job panicked");
        let number = delivery.job.meta.attempt.saturating_add(1);
        // The whole delay: what draws the jitter may be what panicked.
        let decision = retry::decide(&failure, number, &self.policy, Jitter::new(1.0));
        // So may be what reads the event.
        let dead = panics::caught(async { dead_event(&delivery) }).await;
        let dead = dead.unwrap_or_else(|_| DeadEvent::unreadable(&delivery.job.body));
        self.dispose(&delivery, dead, decision, clock, failure).await
    }

    async fn run(&self, delivery: &Delivery) -> Disposition {
        let (event, object) = match envelope::parse_with_object(&delivery.job.body) {
            Ok(parsed) => parsed,
            Err(error) => {
                let failure = plain(Class::Permanent, "event_undecodable", error.to_string());
                let event = dead_event(delivery);
                tracing::warn!(event = event.key, error = %error, "the event cannot be decoded");
                let reason = DeadLetterReason::Undecodable;
                return self.dead_letter(delivery, event, reason, Clock::start(), failure).await;
            }
        };
        let id = event.about.as_ref().and_then(|about| about.id.as_ref()).map(ObjectId::as_str);
        self.heartbeat.describe(delivery, event.id.as_str(), event.event_type.as_ref(), id);
        if delivery.deliveries > self.max_deliveries {
            let died = delivery.deliveries - 1;
            let text = format!("the worker that held this job died, {died} times in a row");
            let failure = plain(Class::Permanent, "worker_died", text);
            tracing::error!(event = %event.id, died, "a job that kills its workers is given up");
            let reason = DeadReason::Poison.into();
            return self
                .dead_letter(delivery, (&event).into(), reason, Clock::start(), failure)
                .await;
        }
        let _place = tokio::select! {
            place = self.quarantine.join(delivery.deliveries) => place,
            () = self.stopping.cancelled() => return Disposition::HandBack,
            () = self.pauses.paused(delivery.lane) => return Disposition::HandBack,
        };
        loop {
            match self.attempt_once(delivery, &event, &object).await {
                Ended::Settled | Ended::TakenBack => return Disposition::Done,
                Ended::Outage => {}
                Ended::Returned { after } => return Disposition::Snooze { after },
                Ended::Stopped => return Disposition::HandBack,
                Ended::Failed { decision, clock, failure } => {
                    return self.dispose(delivery, (&event).into(), decision, clock, failure).await;
                }
            }
        }
    }

    /// Whether the job is a retry that is no longer wanted: the dead letter was discarded meanwhile, or the
    /// operation cancelled.
    async fn is_taken_back(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        match delivery.job.meta.retry_of {
            Some(RetryOf { dead_letter, retry }) => {
                self.store.retry_is_taken_back(dead_letter, retry).await
            }
            None => Ok(false),
        }
    }

    async fn attempt_once(&self, delivery: &Delivery, event: &Event, object: &RawObject) -> Ended {
        let (slot, pass) = tokio::select! {
            biased;
            // First: a job that an outage holds back would begin when the outage ends.
            () = self.pauses.paused(delivery.lane) => return Ended::Stopped,
            entered = async {
                // In this order: a job that passed the breaker and then waited for a slot would run
                // although the breaker has opened meanwhile.
                let slot = self.slots.take().await;
                (slot, self.outages.enter().await)
            } => entered,
            () = self.stopping.cancelled() => return Ended::Stopped,
        };
        let clock = Clock::start();
        let number = delivery.job.meta.attempt.saturating_add(1);
        let task = EventTask {
            event: event.clone(),
            object: object.clone(),
            resent: delivery.job.meta.source != JobSource::Webhook,
            receipt: receipt(delivery),
            attempt: number,
            started_at_ms: clock.at_ms,
            started: clock.at,
            worker: self.worker.clone(),
            trace_id: trace_id(delivery),
        };
        let span = log::span(event, delivery, number);
        let settling = async {
            match self.is_taken_back(delivery).await {
                Ok(true) => Ok(None),
                Ok(false) => self.reconciler.settle(task).await.map(Some),
                Err(error) => Err(ReconcileError::from(error).into()),
            }
        };
        let result = tokio::time::timeout(self.timeout, settling.instrument(span.clone())).await;
        slot.ended(match &result {
            Err(_) => AttemptEnd::TimedOut,
            Ok(Ok(_)) => AttemptEnd::Completed(clock.at.elapsed()),
            Ok(Err(fault)) => end_of(fault, clock.at.elapsed()),
        });
        let fault = match result {
            Ok(Ok(None)) => {
                self.outages.succeeded(pass, &[Dependency::Postgres]);
                tracing::info!(event = %event.id, "left alone: its retry was taken back");
                return Ended::TakenBack;
            }
            Ok(Ok(Some(settled))) => {
                self.outages.succeeded(pass, answered(&settled));
                self.waited(delivery, &clock);
                log::settled(event, delivery, number, &clock, &settled);
                span.record("outcome", log::outcome(&settled));
                self.metrics.settled(&Settlement {
                    event,
                    outcome: log::outcome(&settled),
                    lane: delivery.lane,
                    attempt: clock.at.elapsed(),
                    took: Clock::start().since_ms(delivery.job.meta.received_at_ms),
                });
                return Ended::Settled;
            }
            Ok(Err(fault)) => fault,
            Err(_) => Fault { failure: timed_out(self.timeout), evidence: Evidence::None },
        };
        log::record(&span, &fault.failure);
        drop(span);
        let object = event.about.as_ref().and_then(|about| about.id.as_ref());
        let job = JobOf { event: &event.id, object: object.map(ObjectId::as_str) };
        match self.outages.failed(pass, Some(job), &fault) {
            Verdict::OfTheJob => {}
            Verdict::Wait => return Ended::Outage,
            Verdict::Return(after) => return Ended::Returned { after },
        }
        let jitter = Jitter::new((self.random)());
        let decision = retry::decide(&fault.failure, number, &self.policy, jitter);
        if !matches!(decision, Decision::Snooze { .. }) {
            self.waited(delivery, &clock);
        }
        log::failed(event, delivery, number, &clock, &fault.failure, &decision);
        self.metrics.failed(fault.failure.class, log::next(&decision), clock.at.elapsed());
        Ended::Failed { decision, clock, failure: fault.failure }
    }

    /// Notes how long a job waited for its first attempt that counts: an outage and a snooze are
    /// more of the same wait. A job that ops brought back waited for them, and not for us.
    fn waited(&self, delivery: &Delivery, clock: &Clock) {
        let meta = &delivery.job.meta;
        if meta.attempt == 0 && meta.source == JobSource::Webhook {
            self.metrics.waited(delivery.lane, clock.since_ms(meta.received_at_ms));
            let (from, until) = (meta.received_at_ms, clock.at_ms);
            Step::waited(from, until, meta.trace.as_deref(), delivery.lane.as_str());
        }
    }
}

/// End of a failed attempt, for the limit.
fn end_of(fault: &Fault, took: Duration) -> AttemptEnd {
    match fault.failure.class {
        Class::Permanent | Class::Transient => AttemptEnd::Completed(took),
        Class::Unavailable(_)
        | Class::Misconfigured(_)
        | Class::RateLimited { .. }
        | Class::TooEarly { .. } => AttemptEnd::Unknown,
    }
}

/// Dependencies that took part in settling an event.
fn answered(settled: &Settled) -> &'static [Dependency] {
    match settled {
        Settled::Now { fetched: true, .. } => &[Dependency::Postgres, Dependency::Stripe],
        Settled::Now { fetched: false, .. } | Settled::Before => &[Dependency::Postgres],
    }
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

pub(super) fn receipt(delivery: &Delivery) -> Receipt {
    let meta = &delivery.job.meta;
    Receipt {
        endpoint: meta.endpoint.clone(),
        source: meta.source.as_str(),
        received_at_ms: meta.received_at_ms,
        secret_index: meta.secret_index,
    }
}

/// The trace id of a W3C `traceparent`: `00-<trace id>-<span id>-<flags>`.
pub(super) fn trace_id(delivery: &Delivery) -> Option<String> {
    delivery.job.meta.trace.as_deref()?.split('-').nth(1).map(str::to_owned)
}

/// The event as a dead letter names it: by as much as can be read of it.
fn dead_event(delivery: &Delivery) -> DeadEvent {
    let body = &delivery.job.body;
    if let Ok(event) = envelope::parse(body) {
        return (&event).into();
    }
    let unreadable = DeadEvent::unreadable(body);
    let Ok(peek) = envelope::peek(body) else { return unreadable };
    // What is no id is no key: the ingress takes whatever text is there.
    let key = match EventId::parse(&peek.id) {
        Ok(id) => id.as_str().to_owned(),
        Err(_) => unreadable.key.clone(),
    };
    DeadEvent { key, event_type: Some(peek.event_type.to_string()), ..unreadable }
}
