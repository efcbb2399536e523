//! Long-lived background tasks of a process, started again when one ends.
//!
//! A task that panics takes its work down with it and nothing else: no other part of the process would
//! notice that notifications are not delivered any more, or that nothing is pruned.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::panics;

/// The wait before the first restart; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// A task that ran for so long begins with the first wait again.
const STEADY: Duration = Duration::from_secs(300);

/// Runs a task until `stop`: one that panics, or ends before it was told to, is logged and started again.
/// It has to end by itself when `stop` is cancelled.
pub async fn keep<F, T>(name: &str, stop: &CancellationToken, mut start: F)
where
    F: FnMut() -> T,
    T: Future<Output = ()>,
{
    let mut wait = FIRST;
    loop {
        let began = Instant::now();
        let ended = panics::caught(async { start().await }).await;
        let error = match &ended {
            Ok(()) if stop.is_cancelled() => return,
            Ok(()) => "it ended before it was told to",
            Err(panic) => panic.message(),
        };
        if began.elapsed() >= STEADY {
            wait = FIRST;
        }
        tracing::error!(task = name, error, "a background task has ended; it is started again");
        if stop.run_until_cancelled(sleep(wait)).await.is_none() {
            return;
        }
        wait = (wait * 2).min(LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_twice_runs_a_third_time_and_waits_longer_each_time() {
        let (runs, stop) = (AtomicU32::new(0), CancellationToken::new());
        let began = Instant::now();
        let run = || async {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            assert!(run >= 2, "out of luck");
            stop.cancel();
        };
        keep("unlucky", &stop, run).await;
        assert_eq!(runs.load(Ordering::Relaxed), 3);
        assert_eq!(began.elapsed(), FIRST + 2 * FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_too_early_is_started_again() {
        let (runs, stop) = (AtomicU32::new(0), CancellationToken::new());
        let run = || async {
            if runs.fetch_add(1, Ordering::Relaxed) == 1 {
                stop.cancel();
            }
        };
        keep("hasty", &stop, run).await;
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_for_a_restart() {
        let (runs, stop) = (AtomicU32::new(0), CancellationToken::new());
        let run = || {
            runs.fetch_add(1, Ordering::Relaxed);
            async { panic!("at once") }
        };
        let began = Instant::now();
        let stopping = async {
            sleep(FIRST / 2).await;
            stop.cancel();
        };
        tokio::join!(keep("broken", &stop, run), stopping);
        assert_eq!((runs.load(Ordering::Relaxed), began.elapsed()), (1, FIRST / 2));
    }
}
