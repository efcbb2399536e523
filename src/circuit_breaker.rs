//! A circuit breaker: holds calls back while what they need does not work.
//!
//! Called by whoever makes the calls: it asks for a [`Pass`] before each, and says when the breaker is to open
//! and to close. While it is open, one call at a time goes through as a probe, at growing gaps. It must never
//! know what the calls need, or how a failure is judged: `C`, the cause, is the caller's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// Why the breaker is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause<C> {
    /// The cause, as the caller names it.
    pub cause: C,
    /// The latest error.
    pub message: String,
    /// Since when.
    pub since: SystemTime,
}

/// Holds calls back. Cheap to clone; clones are the same breaker.
pub struct CircuitBreaker<C> {
    inner: Arc<Inner<C>>,
}

impl<C> Clone for CircuitBreaker<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<C> {
    status: watch::Sender<Option<Pause<C>>>,
    /// The right to probe. Tokio's semaphore is fair: calls probe in the order in which they came.
    turn: Arc<Semaphore>,
    probes: Mutex<Probes>,
    first: Duration,
    longest: Duration,
}

#[derive(Default)]
struct Probes {
    /// Probes that failed since the breaker opened.
    failed: u32,
    next_at: Option<Instant>,
}

/// The right to make a call: freely, or as the one probe.
pub struct Pass {
    probe: Option<OwnedSemaphorePermit>,
}

impl Pass {
    /// Whether the call is the probe of an open breaker.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.probe.is_some()
    }
}

/// Result of opening the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Whether it was closed before, or open for another cause.
    pub is_new: bool,
    /// When the next probe is due.
    pub next_probe_in: Duration,
}

impl<C: Clone + PartialEq> CircuitBreaker<C> {
    /// A closed breaker. When it is open, probes come after `first`, then after gaps that double up to
    /// `longest`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                status: watch::Sender::new(None),
                turn: Arc::new(Semaphore::new(1)),
                probes: Mutex::default(),
                first: first.min(longest),
                longest,
            }),
        }
    }

    /// Why the breaker is open, if it is; changes can be awaited.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Option<Pause<C>>> {
        self.inner.status.subscribe()
    }

    /// Waits until a call may be made: at once while the breaker is closed, as the probe when it is this call's
    /// turn. Dropping the future gives the turn to another call.
    pub async fn enter(&self) -> Pass {
        let mut status = self.inner.status.subscribe();
        loop {
            if status.borrow_and_update().is_none() {
                return Pass { probe: None };
            }
            tokio::select! {
                _ = status.changed() => {}
                turn = Arc::clone(&self.inner.turn).acquire_owned() => {
                    let Ok(turn) = turn else { return Pass { probe: None } };
                    let at = self.lock().next_at;
                    tokio::select! {
                        () = sleep_until(at) => return Pass { probe: Some(turn) },
                        _ = status.changed() => {}
                    }
                }
            }
        }
    }

    /// Opens the breaker, or keeps it open. `after_probe`: a probe has failed, so the next one waits for longer.
    pub fn open(&self, cause: C, message: String, after_probe: bool) -> Opened {
        let next_probe_in = {
            let mut probes = self.lock();
            // Many calls fail together when something goes down. They count as one failure.
            if after_probe || probes.next_at.is_none() {
                let doubled = 2_u32.saturating_pow(probes.failed);
                let gap = self.inner.first.saturating_mul(doubled).min(self.inner.longest);
                probes.failed = probes.failed.saturating_add(1);
                probes.next_at = Some(Instant::now() + gap);
            }
            let at = probes.next_at;
            at.map(|at| at.saturating_duration_since(Instant::now())).unwrap_or_default()
        };
        let is_new = self.inner.status.send_if_modified(|status| {
            if let Some(known) = status.as_mut().filter(|known| known.cause == cause) {
                // Those that wait need not be woken for this; a reader sees the latest error.
                known.message = message;
                return false;
            }
            *status = Some(Pause { cause, message, since: SystemTime::now() });
            true
        });
        Opened { is_new, next_probe_in }
    }

    /// Closes the breaker if it is open for a cause that has ended. `Some`: it was; for how long.
    pub fn close_if(&self, has_ended: impl FnOnce(&C) -> bool) -> Option<Duration> {
        let mut since = None;
        self.inner.status.send_if_modified(|status| {
            if !status.as_ref().is_some_and(|pause| has_ended(&pause.cause)) {
                return false;
            }
            since = status.take().map(|pause| pause.since);
            true
        });
        let open_for = since?.elapsed().unwrap_or_default();
        *self.lock() = Probes::default();
        Some(open_for)
    }

    fn lock(&self) -> MutexGuard<'_, Probes> {
        self.inner.probes.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn breaker() -> CircuitBreaker<&'static str> {
        CircuitBreaker::new(Duration::from_millis(250), Duration::from_secs(1))
    }

    fn open(breaker: &CircuitBreaker<&'static str>, after_probe: bool) -> Opened {
        breaker.open("disk", "full".to_owned(), after_probe)
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_breaker_lets_one_call_through_at_a_time_until_it_is_closed() {
        let breaker = breaker();
        assert!(!breaker.enter().await.is_probe());
        assert!(open(&breaker, false).is_new);
        let probe = breaker.enter().await;
        assert!(probe.is_probe());
        let other = tokio::time::timeout(Duration::from_secs(3600), breaker.enter()).await;
        assert!(other.is_err(), "no other call passes while the probe is under way");
        assert!(breaker.close_if(|cause| *cause == "network").is_none(), "another cause");
        assert!(breaker.close_if(|cause| *cause == "disk").is_some());
        assert!(!breaker.enter().await.is_probe(), "closed again");
        drop(probe);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_dropped_gives_its_turn_to_another_call() {
        let breaker = breaker();
        open(&breaker, false);
        drop(breaker.enter().await);
        assert!(breaker.enter().await.is_probe());
    }

    #[tokio::test(start_paused = true)]
    async fn the_gaps_between_probes_double_up_to_the_longest_and_begin_again_when_it_was_closed() {
        let breaker = breaker();
        let gap = |after_probe| open(&breaker, after_probe).next_probe_in.as_millis();
        assert_eq!(gap(false), 250);
        assert_eq!(gap(false), 250, "calls that fail together are one failure");
        assert_eq!([gap(true), gap(true), gap(true)], [500, 1000, 1000]);
        assert!(breaker.close_if(|_| true).is_some());
        assert_eq!(gap(false), 250);
    }

    #[tokio::test]
    async fn a_pause_keeps_its_beginning_and_shows_its_latest_error() {
        let breaker = breaker();
        open(&breaker, false);
        let first = breaker.status().borrow().clone().unwrap();
        assert!(!breaker.open("disk", "read-only".to_owned(), false).is_new);
        let now = breaker.status().borrow().clone().unwrap();
        assert_eq!((now.message.as_str(), now.since), ("read-only", first.since));
        assert!(breaker.open("network", "gone".to_owned(), false).is_new, "another cause");
    }
}
