//! The gate that an outage closes.
//!
//! When a dependency is down, or our key is wrong, every job would fail alike. So the first to
//! notice closes the gate; jobs in hand wait before it and are made again when it opens, and none
//! of that counts as an attempt. While it is closed one job at a time goes through as a probe, in
//! turn, so that a single job that can never succeed does not keep the gate closed for the others.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use crate::domain::failure::{Class, Dependency};
use crate::domain::id::EventId;
use crate::domain::retry::{Jitter, Policy};
use crate::reconcile::Fault;

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
pub struct Gate {
    inner: Arc<Inner>,
}

struct Inner {
    status: watch::Sender<GateStatus>,
    /// The right to probe. Tokio's semaphore is fair, so who probed in vain goes to the back.
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
    /// Events that failed at Stripe since it last answered one properly.
    failing: HashSet<EventId>,
}

/// The right to run a job: freely, or as the one probe.
pub(super) struct Pass {
    probe: Option<OwnedSemaphorePermit>,
}

impl Pass {
    fn is_probe(&self) -> bool {
        self.probe.is_some()
    }
}

impl Gate {
    /// An open gate. It closes for Stripe when `down_after` different events have failed there in
    /// a row; probes come at growing gaps of at most `probe_interval`.
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

    /// A job that went through with `pass` did what it had to do.
    pub(super) fn succeeded(&self, pass: Pass, asked_stripe: bool) {
        if asked_stripe {
            self.lock().failing.clear();
        }
        if pass.is_probe() {
            self.open();
        }
    }

    /// A job that went through with `pass` failed. `true` when the failure is an outage: the job
    /// waits before the gate and runs again, and it cost nothing.
    pub(super) fn failed(&self, pass: Pass, event: Option<&EventId>, fault: &Fault) -> bool {
        let pause = |dependency, misconfigured| Pause {
            dependency,
            misconfigured,
            message: fault.failure.message(),
            since: SystemTime::now(),
        };
        match fault.failure.class {
            Class::Unavailable(dependency) => self.close(pause(dependency, false)),
            Class::Misconfigured(dependency) => self.close(pause(dependency, true)),
            Class::Transient if fault.at == Some(Dependency::Stripe) => {
                if !event.is_some_and(|event| self.is_down_with(event)) {
                    return false;
                }
                self.close(pause(Dependency::Stripe, false));
            }
            Class::Transient | Class::Permanent | Class::RateLimited { .. } => {
                // Something answered, so whatever closed the gate is back.
                if fault.at == Some(Dependency::Stripe) {
                    self.lock().failing.clear();
                }
                if pass.is_probe() {
                    self.open();
                }
                return false;
            }
        }
        true
    }

    /// One 500 is that object's trouble; several different events in a row mean that Stripe is
    /// down.
    fn is_down_with(&self, event: &EventId) -> bool {
        let mut state = self.lock();
        if state.failing.len() < self.inner.down_after {
            state.failing.insert(event.clone());
        }
        state.failing.len() >= self.inner.down_after
    }

    fn close(&self, pause: Pause) {
        let tries = {
            let mut state = self.lock();
            state.tries = state.tries.saturating_add(1);
            state.probe_at =
                Some(Instant::now() + self.inner.policy.delay(state.tries, Jitter::new(1.0)));
            state.tries
        };
        self.inner.status.send_if_modified(|status| {
            let same = |p: &Pause| {
                (p.dependency, p.misconfigured) == (pause.dependency, pause.misconfigured)
            };
            if status.as_ref().is_some_and(same) {
                return false;
            }
            if pause.misconfigured {
                tracing::error!(
                    dependency = %pause.dependency, cause = %pause.message,
                    "paused: our settings are wrong; jobs wait and cost no attempts until they are mended"
                );
            } else {
                tracing::warn!(
                    dependency = %pause.dependency, cause = %pause.message, tries,
                    "paused: dependency is down; jobs wait and cost no attempts"
                );
            }
            *status = Some(pause);
            true
        });
    }

    fn open(&self) {
        *self.lock() = State::default();
        self.inner.status.send_if_modified(|status| {
            let Some(pause) = status.take() else { return false };
            let paused_for = pause.since.elapsed().unwrap_or_default();
            tracing::info!(
                dependency = %pause.dependency, paused_ms = super::millis(paused_for),
                "resumed: dependency is back"
            );
            true
        });
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
mod tests {
    use super::*;
    use crate::domain::failure::Failure;

    fn fault(class: Class, at: Option<Dependency>) -> Fault {
        let failure = Failure {
            class,
            code: "x".into(),
            chain: vec!["no answer".into()],
            request_id: None,
            should_retry: None,
        };
        Fault { failure, at }
    }

    fn event(n: u32) -> EventId {
        EventId::parse(&format!("evt_{n}")).unwrap()
    }

    fn outage() -> Fault {
        fault(Class::Unavailable(Dependency::Postgres), Some(Dependency::Postgres))
    }

    fn gate() -> Gate {
        Gate::new(3, Duration::from_secs(10))
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_lets_one_job_through_at_a_time() {
        let gate = gate();
        let pass = gate.enter().await;
        assert!(gate.failed(pass, Some(&event(1)), &outage()));
        let probe = gate.enter().await;
        assert!(probe.is_probe());
        let other = tokio::time::timeout(Duration::from_secs(3600), gate.enter()).await;
        assert!(other.is_err(), "nobody else passes while the probe is under way");
        gate.succeeded(probe, true);
        assert!(!gate.enter().await.is_probe(), "open again");
        assert_eq!(*gate.status().borrow(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_probed_in_vain_goes_to_the_back_of_the_line() {
        let gate = gate();
        let pass = gate.enter().await;
        assert!(gate.failed(pass, Some(&event(1)), &outage()));
        let first = gate.enter().await;
        let second = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter().await }
        });
        tokio::task::yield_now().await;
        assert!(gate.failed(first, Some(&event(1)), &outage()));
        let third = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter().await }
        });
        let second = second.await.unwrap();
        assert!(second.is_probe());
        assert!(!third.is_finished());
        gate.succeeded(second, false);
        assert!(!third.await.unwrap().is_probe());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_dropped_gives_its_turn_away() {
        let gate = gate();
        let pass = gate.enter().await;
        assert!(gate.failed(pass, Some(&event(1)), &outage()));
        drop(gate.enter().await);
        assert!(gate.enter().await.is_probe());
    }

    #[tokio::test]
    async fn one_object_that_fails_at_stripe_does_not_stop_the_others() {
        let gate = gate();
        let fault = fault(Class::Transient, Some(Dependency::Stripe));
        for _ in 0..10 {
            let pass = gate.enter().await;
            assert!(!gate.failed(pass, Some(&event(1)), &fault));
        }
        assert_eq!(*gate.status().borrow(), None);
    }

    #[tokio::test]
    async fn many_events_that_fail_at_stripe_in_a_row_mean_that_it_is_down() {
        let gate = gate();
        let fault = fault(Class::Transient, Some(Dependency::Stripe));
        for n in 1..=2 {
            let pass = gate.enter().await;
            assert!(!gate.failed(pass, Some(&event(n)), &fault));
        }
        let pass = gate.enter().await;
        gate.succeeded(pass, true);
        for n in 3..=4 {
            let pass = gate.enter().await;
            assert!(
                !gate.failed(pass, Some(&event(n)), &fault),
                "an answer in between starts the count anew"
            );
        }
        let pass = gate.enter().await;
        assert!(gate.failed(pass, Some(&event(5)), &fault));
        let status = gate.status().borrow().clone();
        assert_eq!(
            status.map(|p| (p.dependency, p.misconfigured)),
            Some((Dependency::Stripe, false))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_key_pauses_and_says_so() {
        let gate = gate();
        let pass = gate.enter().await;
        let fault = fault(Class::Misconfigured(Dependency::Stripe), Some(Dependency::Stripe));
        assert!(gate.failed(pass, Some(&event(1)), &fault));
        assert!(gate.status().borrow().as_ref().is_some_and(|p| p.misconfigured));
        let probe = gate.enter().await;
        let permanent = super::tests::fault(Class::Permanent, Some(Dependency::Stripe));
        assert!(!gate.failed(probe, Some(&event(2)), &permanent), "the key is taken again");
        assert_eq!(*gate.status().borrow(), None);
    }
}
