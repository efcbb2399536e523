//! The gate that an outage closes.
//!
//! When a dependency is down, or our key is wrong, every job would fail alike. So the first to
//! notice closes the gate; jobs wait before it, and none of that counts as an attempt. While it is
//! closed one job at a time goes through as a probe. A probe that proves that the dependency is back
//! opens the gate; one that found it still down goes back to the queue, so that a few jobs that can
//! never succeed (an object that a restricted key may not read) do not hold all places for ever.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use crate::domain::failure::{Class, Dependency};
use crate::domain::id::{AccountId, EventId};
use crate::domain::retry::{Jitter, Policy};
use crate::reconcile::{Evidence, Fault};

/// Why the gate is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// What does not answer, or does not take our key.
    pub dependency: Dependency,
    /// Whether the fault lies in our settings: time alone will not mend it.
    pub misconfigured: bool,
    /// What it said.
    pub message: String,
    /// Since when.
    pub since: SystemTime,
}

/// Open, or closed and why.
pub type GateStatus = Option<Pause>;

/// One a process. Cheap to clone.
#[derive(Clone)]
pub struct CircuitBreaker {
    inner: Arc<Inner>,
}

struct Inner {
    status: watch::Sender<GateStatus>,
    /// The right to probe. Tokio's semaphore is fair: who came first probes first.
    turn: Arc<Semaphore>,
    state: Mutex<State>,
    policy: Policy,
    down_after: usize,
}

#[derive(Default)]
struct State {
    /// Probes in vain since the gate closed.
    tries: u32,
    probe_at: Option<Instant>,
    /// What failed at a dependency since it last gave a proper answer, and since when.
    failing: BTreeMap<Dependency, Failing>,
    /// The connected accounts that Stripe refused us since it last gave a proper answer.
    refused: HashSet<AccountId>,
    /// The objects whose answer was of no use, by the code of the failure, since Stripe last gave a proper
    /// answer.
    unusable: BTreeMap<String, HashSet<String>>,
    /// Whether the key has ever opened anything.
    is_proven: bool,
}

struct Failing {
    since: Instant,
    events: HashSet<EventId>,
}

/// Two different events that fail for so long, with nothing that succeeds in between, mean an outage
/// as well: a quiet system would otherwise never see enough of them at once.
const LONG: Duration = Duration::from_secs(60);

/// The right to run a job: freely, or as the one probe.
pub(super) struct Pass {
    probe: Option<OwnedSemaphorePermit>,
}

/// What a job is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct JobOf<'a> {
    pub(super) event: &'a EventId,
    /// The object of the event, where it has an id.
    pub(super) object: Option<&'a str>,
}

/// What a failure means for the job that had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The job's own trouble: decide about it.
    OfTheJob,
    /// An outage: wait before the gate and run again.
    Wait,
    /// An outage that this job probed in vain: back into the queue for so long.
    Return(Duration),
}

impl CircuitBreaker {
    /// An open gate. It closes when `down_after` different events have failed at a dependency in a
    /// row, or so many different accounts were refused us, or so many different objects got an answer
    /// that is of no use; probes come at growing gaps of at most `probe_interval`.
    #[must_use]
    pub fn new(down_after: u32, probe_interval: Duration) -> Self {
        let first = Duration::from_millis(250).min(probe_interval);
        let policy = Policy { max_attempts: u32::MAX, first, factor: 2.0, cap: probe_interval };
        Self {
            inner: Arc::new(Inner {
                status: watch::Sender::new(None),
                turn: Arc::new(Semaphore::new(1)),
                state: Mutex::new(State::default()),
                policy,
                down_after: usize::try_from(down_after).unwrap_or(usize::MAX),
            }),
        }
    }

    /// Why the gate is closed, if it is; changes can be awaited.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<GateStatus> {
        self.inner.status.subscribe()
    }

    /// Waits until this job may run: at once while the gate is open, as the probe when it is this
    /// job's turn. Dropping the future gives the turn away.
    pub(super) async fn enter(&self) -> Pass {
        let mut status = self.inner.status.subscribe();
        loop {
            if status.borrow_and_update().is_none() {
                return Pass { probe: None };
            }
            tokio::select! {
                _ = status.changed() => {}
                turn = Arc::clone(&self.inner.turn).acquire_owned() => {
                    let Ok(turn) = turn else { return Pass { probe: None } };
                    let at = self.lock().probe_at;
                    tokio::select! {
                        () = sleep_until(at) => return Pass { probe: Some(turn) },
                        _ = status.changed() => {}
                    }
                }
            }
        }
    }

    /// A job that went through with `pass` did what it had to do, and `answered` took part in it.
    pub(super) fn succeeded(&self, pass: Pass, answered: &[Dependency]) {
        answered.iter().for_each(|dependency| self.is_up(*dependency));
        drop(pass);
    }

    /// A job that went through with `pass` failed.
    pub(super) fn failed(&self, pass: Pass, job: Option<JobOf<'_>>, fault: &Fault) -> Verdict {
        let was_probe = pass.probe.is_some();
        let pause = |dependency, misconfigured| Pause {
            dependency,
            misconfigured,
            message: fault.failure.message(),
            since: SystemTime::now(),
        };
        let cause = match (fault.failure.class, &fault.evidence) {
            (Class::Unavailable(dependency), _) => pause(dependency, false),
            (Class::Misconfigured(dependency), _) => pause(dependency, true),
            (_, Evidence::Failing(dependency))
                if self.is_down(*dependency, job.map(|job| job.event)) =>
            {
                pause(*dependency, false)
            }
            (_, Evidence::Refused(account)) if self.is_wrong_platform(account) => {
                pause(Dependency::Stripe, true)
            }
            (_, Evidence::Unusable) if self.is_no_stripe(&fault.failure.code, job) => {
                pause(Dependency::Stripe, true)
            }
            (_, Evidence::OtherMode) if !self.lock().is_proven => pause(Dependency::Stripe, true),
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
        let delay = self.close(cause, was_probe);
        if was_probe { Verdict::Return(delay) } else { Verdict::Wait }
    }

    /// Closes the gate before any job has run: Postgres is down at the start.
    pub(super) fn close_for(&self, dependency: Dependency, message: String) {
        let since = SystemTime::now();
        self.close(Pause { dependency, misconfigured: false, message, since }, false);
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
        let mut opened = false;
        self.inner.status.send_if_modified(|status| {
            if status.as_ref().is_none_or(|pause| pause.dependency != dependency) {
                return false;
            }
            let since = status.take().map(|pause| pause.since);
            let paused_for = since.and_then(|since| since.elapsed().ok()).unwrap_or_default();
            tracing::info!(
                %dependency, paused_ms = super::millis(paused_for),
                "resumed: dependency is back"
            );
            opened = true;
            true
        });
        if opened {
            let mut state = self.lock();
            state.tries = 0;
            state.probe_at = None;
        }
    }

    /// One failure is that object's trouble; several different events in a row mean that the
    /// dependency is down.
    fn is_down(&self, dependency: Dependency, event: Option<&EventId>) -> bool {
        let Some(event) = event else { return false };
        let mut state = self.lock();
        let failing = state
            .failing
            .entry(dependency)
            .or_insert_with(|| Failing { since: Instant::now(), events: HashSet::new() });
        if failing.events.len() < self.inner.down_after {
            failing.events.insert(event.clone());
        }
        let many = failing.events.len();
        many >= self.inner.down_after || (many >= 2 && failing.since.elapsed() >= LONG)
    }

    /// One account that is refused us took our access back; several different ones in a row mean that
    /// the key is another platform's.
    fn is_wrong_platform(&self, account: &AccountId) -> bool {
        let mut state = self.lock();
        if state.refused.len() < self.inner.down_after {
            state.refused.insert(account.clone());
        }
        state.refused.len() >= self.inner.down_after
    }

    /// One object whose answer is of no use is odd; several different ones in a row, for the same reason,
    /// mean that it is not Stripe that answers, or that it does not take what we ask.
    fn is_no_stripe(&self, code: &str, job: Option<JobOf<'_>>) -> bool {
        let Some(JobOf { event, object }) = job else { return false };
        let mut state = self.lock();
        let objects = state.unusable.entry(code.to_owned()).or_default();
        if objects.len() < self.inner.down_after {
            objects.insert(object.unwrap_or(event.as_str()).to_owned());
        }
        objects.len() >= self.inner.down_after
    }

    /// Closes the gate, or keeps it closed; answers when the next probe is due.
    fn close(&self, pause: Pause, after_probe: bool) -> Duration {
        let delay = {
            let mut state = self.lock();
            // Many jobs fail together when something goes down. They are one look at it, not many.
            if after_probe || state.probe_at.is_none() {
                state.tries = state.tries.saturating_add(1);
                let delay = self.inner.policy.delay(state.tries, Jitter::new(1.0));
                state.probe_at = Some(Instant::now() + delay);
            }
            state
                .probe_at
                .map(|at| at.saturating_duration_since(Instant::now()))
                .unwrap_or_default()
        };
        self.inner.status.send_if_modified(|status| {
            let same = |p: &Pause| {
                (p.dependency, p.misconfigured) == (pause.dependency, pause.misconfigured)
            };
            if let Some(known) = status.as_mut().filter(|known| same(known)) {
                // It was said once, and nobody who waits is to be woken; who looks sees the latest.
                known.message = pause.message;
                return false;
            }
            if pause.misconfigured {
                tracing::error!(
                    dependency = %pause.dependency, cause = %pause.message,
                    "paused: our settings are wrong; jobs wait and cost no attempts until they are mended"
                );
            } else {
                tracing::warn!(
                    dependency = %pause.dependency, cause = %pause.message,
                    "paused: dependency is down; jobs wait and cost no attempts"
                );
            }
            *status = Some(pause);
            true
        });
        delay
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
#[path = "circuit_breaker_tests.rs"]
mod tests;
