//! Judges failed attempts: the job's own fault, or an outage that holds all jobs back.
//!
//! Called by the worker with what each attempt proves about Postgres and Stripe. While a dependency is down, or
//! our key is wrong, every job would fail alike; so the circuit breaker opens, jobs wait, and none of that
//! counts as an attempt. It must never decide what becomes of a job that failed by its own fault.
//!
//! A probe that proves that the dependency is back closes the breaker; one that found it still down goes back
//! to the queue, so that a few jobs that can never succeed (an object that a restricted key may not read) do
//! not hold all places for ever.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::circuit_breaker::{self, CircuitBreaker, Pass};
use crate::domain::failure::{Class, Dependency};
use crate::domain::id::{AccountId, EventId};
use crate::reconcile::{Evidence, Fault};

/// Cause of a pause of all jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// What does not answer, or does not take our key.
    pub dependency: Dependency,
    /// Whether the fault lies in our settings: time alone will not mend it.
    pub misconfigured: bool,
}

/// A pause of all jobs: its cause, and since when.
pub type Pause = circuit_breaker::Pause<Cause>;

/// The circuit breaker of a worker, and what has failed since it last saw a proper answer. One a process;
/// cheap to clone.
#[derive(Clone)]
pub struct Outages {
    breaker: CircuitBreaker<Cause>,
    state: Arc<Mutex<State>>,
    down_after: usize,
}

#[derive(Default)]
struct State {
    /// What failed at a dependency since it last gave a proper answer, and since when.
    failing: BTreeMap<Dependency, Failing>,
    /// The connected accounts that Stripe refused us since it last gave a proper answer.
    refused: HashSet<AccountId>,
    /// The objects whose answer was of no use, by the code of the failure, since Stripe last gave a proper
    /// answer.
    unusable: BTreeMap<String, HashSet<String>>,
    /// Whether Stripe has ever given a proper answer to the key.
    is_proven: bool,
}

struct Failing {
    since: Instant,
    events: HashSet<EventId>,
}

/// The wait before the first probe.
const FIRST_PROBE: Duration = Duration::from_millis(250);

/// Two different events that fail for so long, with nothing that succeeds in between, mean an outage
/// as well: a quiet system would otherwise never see enough of them at once.
const LONG: Duration = Duration::from_secs(60);

/// Subject of a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct JobOf<'a> {
    pub(super) event: &'a EventId,
    /// The object of the event, where it has an id.
    pub(super) object: Option<&'a str>,
}

/// Consequence of a failure for its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The job's own fault: decide about it.
    OfTheJob,
    /// An outage: wait until it is over and run again.
    Wait,
    /// An outage that this job probed in vain: back into the queue for so long.
    Return(Duration),
}

impl Outages {
    /// None. The breaker opens when `down_after` different events have failed at a dependency in a row, or so
    /// many different accounts were refused us, or so many different objects got an answer that is of no use;
    /// probes come at growing gaps of at most `probe_interval`.
    #[must_use]
    pub fn new(down_after: u32, probe_interval: Duration) -> Self {
        Self {
            breaker: CircuitBreaker::new(FIRST_PROBE, probe_interval),
            state: Arc::default(),
            down_after: usize::try_from(down_after).unwrap_or(usize::MAX),
        }
    }

    /// What the worker waits for, if it does; changes can be awaited.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Option<Pause>> {
        self.breaker.status()
    }

    /// Waits until this job may run: [`CircuitBreaker::enter`].
    pub(super) async fn enter(&self) -> Pass {
        self.breaker.enter().await
    }

    /// A job that went through with `pass` did what it had to do, and `answered` took part in it.
    pub(super) fn succeeded(&self, pass: Pass, answered: &[Dependency]) {
        answered.iter().for_each(|dependency| self.is_up(*dependency));
        drop(pass);
    }

    /// A job that went through with `pass` failed.
    pub(super) fn failed(&self, pass: Pass, job: Option<JobOf<'_>>, fault: &Fault) -> Verdict {
        let was_probe = pass.is_probe();
        let cause = |dependency, misconfigured| Cause { dependency, misconfigured };
        let cause = match (fault.failure.class, &fault.evidence) {
            (Class::Unavailable(dependency), _) => cause(dependency, false),
            (Class::Misconfigured(dependency), _) => cause(dependency, true),
            (_, Evidence::Failing(dependency))
                if self.is_down(*dependency, job.map(|job| job.event)) =>
            {
                cause(*dependency, false)
            }
            (_, Evidence::Refused(account)) if self.is_wrong_platform(account) => {
                cause(Dependency::Stripe, true)
            }
            (_, Evidence::Unusable) if self.is_no_stripe(&fault.failure.code, job) => {
                cause(Dependency::Stripe, true)
            }
            (_, Evidence::OtherMode) if !self.lock().is_proven => cause(Dependency::Stripe, true),
            (_, Evidence::Up(dependency)) => {
                self.is_up(*dependency);
                return Verdict::OfTheJob;
            }
            (
                _,
                Evidence::Failing(_)
                | Evidence::Refused(_)
                | Evidence::Unusable
                | Evidence::OtherMode
                | Evidence::None,
            ) => return Verdict::OfTheJob,
        };
        let delay = self.hold_back(cause, fault.failure.message(), was_probe);
        if was_probe { Verdict::Return(delay) } else { Verdict::Wait }
    }

    /// Holds jobs back before any has run: the dependency is down at the start.
    pub(super) fn is_down_at_start(&self, dependency: Dependency, message: String) {
        self.hold_back(Cause { dependency, misconfigured: false }, message, false);
    }

    /// Something that only this dependency can do was done.
    pub(super) fn is_up(&self, dependency: Dependency) {
        {
            let mut state = self.lock();
            state.failing.remove(&dependency);
            if dependency == Dependency::Stripe {
                state.refused.clear();
                state.unusable.clear();
                state.is_proven = true;
            }
        }
        if let Some(paused_for) = self.breaker.close_if(|cause| cause.dependency == dependency) {
            tracing::info!(
                %dependency, paused_ms = super::millis(paused_for),
                "resumed: dependency is back"
            );
        }
    }

    /// One failure is that object's fault; several different events in a row mean that the
    /// dependency is down.
    fn is_down(&self, dependency: Dependency, event: Option<&EventId>) -> bool {
        let Some(event) = event else { return false };
        let mut state = self.lock();
        let failing = state
            .failing
            .entry(dependency)
            .or_insert_with(|| Failing { since: Instant::now(), events: HashSet::new() });
        if failing.events.len() < self.down_after {
            failing.events.insert(event.clone());
        }
        let many = failing.events.len();
        many >= self.down_after || (many >= 2 && failing.since.elapsed() >= LONG)
    }

    /// One account that is refused us took our access back; several different ones in a row mean that
    /// the key is another platform's.
    fn is_wrong_platform(&self, account: &AccountId) -> bool {
        let mut state = self.lock();
        if state.refused.len() < self.down_after {
            state.refused.insert(account.clone());
        }
        state.refused.len() >= self.down_after
    }

    /// One object whose answer is of no use is odd; several different ones in a row, for the same reason,
    /// mean that it is not Stripe that answers, or that it does not take what we ask.
    fn is_no_stripe(&self, code: &str, job: Option<JobOf<'_>>) -> bool {
        let Some(JobOf { event, object }) = job else { return false };
        let mut state = self.lock();
        let objects = state.unusable.entry(code.to_owned()).or_default();
        if objects.len() < self.down_after {
            objects.insert(object.unwrap_or(event.as_str()).to_owned());
        }
        objects.len() >= self.down_after
    }

    /// Opens the breaker, or keeps it open; answers when the next probe is due.
    fn hold_back(&self, cause: Cause, message: String, after_probe: bool) -> Duration {
        let opened = self.breaker.open(cause, message.clone(), after_probe);
        if opened.is_new && cause.misconfigured {
            tracing::error!(
                dependency = %cause.dependency, cause = %message,
                "paused: our settings are wrong; jobs wait and cost no attempts until they are mended"
            );
        } else if opened.is_new {
            tracing::warn!(
                dependency = %cause.dependency, cause = %message,
                "paused: dependency is down; jobs wait and cost no attempts"
            );
        }
        opened.next_probe_in
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "outages_tests.rs"]
mod tests;
