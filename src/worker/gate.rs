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
pub struct Gate {
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

impl Gate {
    /// An open gate. It closes when `down_after` different events have failed at a dependency in a
    /// row, or so many different accounts were refused us; probes come at growing gaps of at most `probe_interval`.
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
    pub(super) fn failed(&self, pass: Pass, event: Option<&EventId>, fault: &Fault) -> Verdict {
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
            (_, Evidence::Failing(dependency)) if self.is_down(*dependency, event) => {
                pause(*dependency, false)
            }
            (_, Evidence::Refused(account)) if self.is_wrong_platform(account) => {
                pause(Dependency::Stripe, true)
            }
            (_, Evidence::OtherMode) if !self.lock().is_proven => pause(Dependency::Stripe, true),
            (_, Evidence::Up(dependency)) => {
                self.is_up(*dependency);
                return Verdict::OfTheJob;
            }
            (
                _,
                Evidence::Failing(_) | Evidence::Refused(_) | Evidence::OtherMode | Evidence::None,
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
mod tests {
    use super::*;
    use crate::domain::failure::Failure;

    fn fault(class: Class, evidence: Evidence) -> Fault {
        let failure = Failure {
            class,
            code: "x".into(),
            chain: vec!["no answer".into()],
            request_id: None,
            should_retry: None,
        };
        Fault { failure, evidence }
    }

    fn event(n: u32) -> EventId {
        EventId::parse(&format!("evt_{n}")).unwrap()
    }

    const STRIPE: Dependency = Dependency::Stripe;
    const POSTGRES: Dependency = Dependency::Postgres;

    fn outage() -> Fault {
        fault(Class::Unavailable(POSTGRES), Evidence::Failing(POSTGRES))
    }

    fn server_error() -> Fault {
        fault(Class::Transient, Evidence::Failing(STRIPE))
    }

    fn gate() -> Gate {
        Gate::new(3, Duration::from_secs(10))
    }

    async fn fail(gate: &Gate, n: u32, fault: &Fault) -> Verdict {
        let pass = gate.enter().await;
        gate.failed(pass, Some(&event(n)), fault)
    }

    fn closed_for(gate: &Gate) -> Option<Dependency> {
        gate.status().borrow().as_ref().map(|pause| pause.dependency)
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_lets_one_job_through_at_a_time() {
        let gate = gate();
        assert_eq!(fail(&gate, 1, &outage()).await, Verdict::Wait);
        let probe = gate.enter().await;
        assert!(probe.probe.is_some());
        let other = tokio::time::timeout(Duration::from_secs(3600), gate.enter()).await;
        assert!(other.is_err(), "nobody else passes while the probe is under way");
        gate.succeeded(probe, &[POSTGRES]);
        assert!(gate.enter().await.probe.is_none(), "open again");
    }

    #[tokio::test(start_paused = true)]
    async fn who_probed_in_vain_makes_room_for_another() {
        let gate = gate();
        fail(&gate, 1, &outage()).await;
        assert!(
            matches!(fail(&gate, 1, &outage()).await, Verdict::Return(after) if !after.is_zero())
        );
        let probe = gate.enter().await;
        gate.succeeded(probe, &[POSTGRES]);
        assert_eq!(closed_for(&gate), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_dropped_gives_its_turn_away() {
        let gate = gate();
        fail(&gate, 1, &outage()).await;
        drop(gate.enter().await);
        assert!(gate.enter().await.probe.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_did_not_ask_proves_nothing() {
        let gate = gate();
        let wrong_key = fault(Class::Misconfigured(STRIPE), Evidence::Failing(STRIPE));
        fail(&gate, 1, &wrong_key).await;
        // A covered event: settled, and Stripe was not asked.
        let probe = gate.enter().await;
        gate.succeeded(probe, &[POSTGRES]);
        assert_eq!(closed_for(&gate), Some(STRIPE));
        // Our own limiter spoke, or our own clock ran out.
        let local = fault(Class::RateLimited { retry_after: None }, Evidence::None);
        assert_eq!(fail(&gate, 2, &local).await, Verdict::OfTheJob);
        assert_eq!(closed_for(&gate), Some(STRIPE));
        // A "no" of Stripe's own: it is up, and takes our key.
        let refusal = fault(Class::Permanent, Evidence::Up(STRIPE));
        assert_eq!(fail(&gate, 3, &refusal).await, Verdict::OfTheJob);
        assert_eq!(closed_for(&gate), None);
    }

    #[tokio::test(start_paused = true)]
    async fn jobs_that_fail_together_do_not_delay_the_probe() {
        let gate = gate();
        let passes = [gate.enter().await, gate.enter().await, gate.enter().await];
        for (n, pass) in (1..).zip(passes) {
            gate.failed(pass, Some(&event(n)), &outage());
        }
        let before = Instant::now();
        assert!(gate.enter().await.probe.is_some());
        assert_eq!(before.elapsed(), Duration::from_millis(250));
    }

    #[tokio::test]
    async fn one_object_that_fails_at_stripe_does_not_stop_the_others() {
        let gate = gate();
        for _ in 0..10 {
            assert_eq!(fail(&gate, 1, &server_error()).await, Verdict::OfTheJob);
        }
        assert_eq!(closed_for(&gate), None);
    }

    #[tokio::test]
    async fn many_events_that_fail_in_a_row_mean_that_it_is_down() {
        for (dependency, fault) in [
            (STRIPE, server_error()),
            (POSTGRES, fault(Class::Transient, Evidence::Failing(POSTGRES))),
        ] {
            let gate = gate();
            for n in 1..=2 {
                assert_eq!(fail(&gate, n, &fault).await, Verdict::OfTheJob);
            }
            let pass = gate.enter().await;
            gate.succeeded(pass, &[dependency]);
            for n in 3..=4 {
                assert_eq!(fail(&gate, n, &fault).await, Verdict::OfTheJob, "counted anew");
            }
            assert_eq!(fail(&gate, 5, &fault).await, Verdict::Wait);
            assert_eq!(closed_for(&gate), Some(dependency));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_of_the_other_mode_pauses_until_it_has_proved_to_be_the_right_one() {
        let gate = gate();
        let stray = fault(Class::Permanent, Evidence::OtherMode);
        assert_eq!(fail(&gate, 1, &stray).await, Verdict::Wait, "nothing was ever read with it");
        assert!(gate.status().borrow().as_ref().is_some_and(|pause| pause.misconfigured));
        assert!(matches!(fail(&gate, 1, &stray).await, Verdict::Return(_)));
        let good = gate.enter().await;
        gate.succeeded(good, &[STRIPE]);
        assert_eq!(closed_for(&gate), None);
        assert_eq!(fail(&gate, 1, &stray).await, Verdict::OfTheJob, "it strayed here");
        assert_eq!(closed_for(&gate), None, "and stops nobody");
    }

    #[tokio::test]
    async fn many_accounts_that_are_refused_in_a_row_mean_that_the_key_is_wrong() {
        let gate = gate();
        let refused = |n: u32| {
            let account = AccountId::parse(&format!("acct_{n}")).unwrap();
            fault(Class::Transient, Evidence::Refused(account))
        };
        for n in 1..=9 {
            assert_eq!(fail(&gate, n, &refused(1)).await, Verdict::OfTheJob, "one left us");
        }
        assert_eq!(fail(&gate, 10, &refused(2)).await, Verdict::OfTheJob);
        let pass = gate.enter().await;
        gate.succeeded(pass, &[STRIPE]);
        assert_eq!(fail(&gate, 11, &refused(3)).await, Verdict::OfTheJob, "counted anew");
        assert_eq!(fail(&gate, 12, &refused(4)).await, Verdict::OfTheJob);
        assert_eq!(fail(&gate, 13, &refused(5)).await, Verdict::Wait);
        assert!(gate.status().borrow().as_ref().is_some_and(|pause| pause.misconfigured));
    }

    #[tokio::test]
    async fn what_stripe_was_not_asked_does_not_interrupt_the_row() {
        let gate = gate();
        let over_budget = fault(Class::RateLimited { retry_after: None }, Evidence::None);
        for n in [1, 2] {
            fail(&gate, n, &server_error()).await;
            fail(&gate, n + 10, &over_budget).await;
        }
        assert_eq!(fail(&gate, 3, &server_error()).await, Verdict::Wait);
    }

    #[tokio::test(start_paused = true)]
    async fn on_a_quiet_system_two_events_and_a_minute_are_enough() {
        let gate = gate();
        assert_eq!(fail(&gate, 1, &server_error()).await, Verdict::OfTheJob);
        tokio::time::advance(LONG).await;
        assert_eq!(
            fail(&gate, 1, &server_error()).await,
            Verdict::OfTheJob,
            "one object's trouble"
        );
        assert_eq!(fail(&gate, 2, &server_error()).await, Verdict::Wait);
    }

    #[tokio::test]
    async fn the_cause_of_a_pause_is_the_latest_and_its_beginning_the_first() {
        let gate = gate();
        let status = gate.status();
        gate.close_for(POSTGRES, "refused".to_owned());
        let first = status.borrow().clone().unwrap();
        gate.close_for(POSTGRES, "starting up".to_owned());
        let now = status.borrow().clone().unwrap();
        assert_eq!((now.message.as_str(), now.since), ("starting up", first.since));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_key_pauses_and_says_so() {
        let gate = gate();
        let wrong_key = fault(Class::Misconfigured(STRIPE), Evidence::Failing(STRIPE));
        assert_eq!(fail(&gate, 1, &wrong_key).await, Verdict::Wait);
        assert!(gate.status().borrow().as_ref().is_some_and(|pause| pause.misconfigured));
    }
}
