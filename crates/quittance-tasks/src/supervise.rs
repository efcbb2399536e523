//! Supervisor of long-lived background tasks: starts a task again that panics or ends.
//!
//! Without it a task that panics takes its work down with it, and no other part of the process would
//! notice that notifications are not delivered any more, or that leases are not renewed.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::panics;

/// The wait before the first restart; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait. Leases of jobs are renewed three times a lease, so with the default lease of 30
/// seconds a renewer that has panicked runs again before the leases end.
const LONGEST: Duration = Duration::from_secs(10);
/// A task that ran for so long begins with the first wait again.
const STEADY: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TaskLabels {
    task: String,
}

/// Supervisor of the background tasks of one process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Supervisor {
    restarts: Family<TaskLabels, Counter>,
    #[cfg(any(test, feature = "faults"))]
    faults: crate::faults::Faults,
}

impl Supervisor {
    /// One whose restarts are counted in a registry.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let supervisor = Self::default();
        registry.register(
            "quittance_task_restarts",
            "Background tasks that panicked or ended, and were started again; the log says why",
            supervisor.restarts.clone(),
        );
        supervisor
    }

    /// Runs a task until `stop`: one that panics, or ends before `stop` is cancelled, is logged, counted
    /// and started again. It has to end by itself when `stop` is cancelled.
    ///
    /// A run may panic anywhere: what the next one needs must be kept outside of the future.
    pub async fn keep<F, T>(&self, name: &str, stop: &CancellationToken, mut start: F)
    where
        F: FnMut() -> T,
        T: Future<Output = ()>,
    {
        // Shown from the start: Prometheus sees no increase of a counter that appears with its first one.
        let restarts = self.restarts.get_or_create_owned(&TaskLabels { task: name.to_owned() });
        let mut wait = FIRST;
        loop {
            let began = Instant::now();
            let ended = panics::caught(async { self.run(name, start()).await }).await;
            let error = match &ended {
                Ok(()) if stop.is_cancelled() => return,
                Ok(()) => "it ended before it was stopped",
                Err(panic) => panic.message(),
            };
            if began.elapsed() >= STEADY {
                wait = FIRST;
            }
            tracing::error!(task = name, error, "a background task has ended; it is started again");
            if stop.run_until_cancelled(sleep(wait)).await.is_none() {
                return;
            }
            restarts.inc();
            wait = (wait * 2).min(LONGEST);
        }
    }

    /// How often a task was started again.
    #[must_use]
    pub fn restarts(&self, name: &str) -> u64 {
        self.restarts.get_or_create(&TaskLabels { task: name.to_owned() }).get()
    }

    /// Makes the run of a task panic at the await where it is, once.
    #[cfg(any(test, feature = "faults"))]
    pub fn inject_panic(&self, name: &str) {
        self.faults.inject(name);
    }

    #[cfg(any(test, feature = "faults"))]
    async fn run(&self, name: &str, task: impl Future<Output = ()>) {
        self.faults.run(name, task).await;
    }

    #[cfg(not(any(test, feature = "faults")))]
    async fn run(&self, _name: &str, task: impl Future<Output = ()>) {
        task.await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_twice_runs_a_third_time_and_waits_longer_each_time() {
        let (runs, stop) = (AtomicU32::new(0), CancellationToken::new());
        let supervisor = Supervisor::default();
        let began = Instant::now();
        let run = || async {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            assert!(run >= 2, "out of luck");
            stop.cancel();
        };
        supervisor.keep("unlucky", &stop, run).await;
        assert_eq!((runs.load(Ordering::Relaxed), supervisor.restarts("unlucky")), (3, 2));
        assert_eq!(began.elapsed(), FIRST + 2 * FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_too_early_is_started_again() {
        let (runs, stop) = (AtomicU32::new(0), CancellationToken::new());
        let supervisor = Supervisor::default();
        let run = || async {
            if runs.fetch_add(1, Ordering::Relaxed) == 1 {
                stop.cancel();
            }
        };
        supervisor.keep("hasty", &stop, run).await;
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_for_a_restart() {
        let (runs, stop) = (AtomicU32::new(0), CancellationToken::new());
        let supervisor = Supervisor::default();
        let run = || {
            runs.fetch_add(1, Ordering::Relaxed);
            async { panic!("at once") }
        };
        let began = Instant::now();
        let stopping = async {
            sleep(FIRST / 2).await;
            stop.cancel();
        };
        tokio::join!(supervisor.keep("broken", &stop, run), stopping);
        assert_eq!((runs.load(Ordering::Relaxed), began.elapsed()), (1, FIRST / 2));
    }

    #[tokio::test(start_paused = true)]
    async fn restarts_are_served_from_zero_on() {
        let (mut registry, stop) = (Registry::default(), CancellationToken::new());
        let supervisor = Supervisor::new(&mut registry);
        let page = || {
            let mut page = String::new();
            prometheus_client::encoding::text::encode(&mut page, &registry).map(|()| page)
        };
        let task = supervisor.keep("steady", &stop, || stop.cancelled());
        let watching = async {
            tokio::task::yield_now().await;
            let before = page().expect("it is encoded");
            assert!(
                before.contains(r#"quittance_task_restarts_total{task="steady"} 0"#),
                "{before}"
            );
            supervisor.inject_panic("steady");
            sleep(2 * FIRST).await;
            let after = page().expect("it is encoded");
            assert!(after.contains(r#"quittance_task_restarts_total{task="steady"} 1"#), "{after}");
            stop.cancel();
        };
        tokio::join!(task, watching);
    }
}
