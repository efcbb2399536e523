//! The consumer's background tasks: their start under the supervisor, and the order of their end.

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::acknowledge::{Acknowledger, Stopped};
use super::fetch::Fetcher;
use super::heartbeat::Reporter;
use super::lease::Renewer;
use super::pause::Watcher;
use super::reaper::Reaper;
use quittance_tasks::supervise::Supervisor;

/// The tasks of one consumer, before they are started. Each keeps in itself what it must not lose when its
/// run panics; its `run` is called again then.
pub(super) struct Tasks {
    /// One for each lane.
    pub(super) fetchers: [Fetcher; 2],
    pub(super) reaper: Reaper,
    pub(super) watcher: Watcher,
    pub(super) acknowledger: Acknowledger,
    pub(super) renewer: Renewer,
    pub(super) reporter: Reporter,
}

/// The tasks while they run. Dropped, all of them end.
pub(super) struct RunningTasks {
    /// Those that fetch and claim jobs, and the watcher of pauses; they end first.
    receiving: JoinSet<()>,
    stop: CancellationToken,
    acknowledging: AbortOnDropHandle<Stopped>,
    give_up: CancellationToken,
    /// Those that renew the leases and report the worker; they end last.
    renewing: JoinSet<()>,
    finished: CancellationToken,
}

impl Tasks {
    pub(super) fn start(self, supervisor: &Supervisor) -> RunningTasks {
        let Self { fetchers, reaper, watcher, acknowledger, renewer, reporter } = self;
        let [stop, give_up, finished] = std::array::from_fn(|_| CancellationToken::new());
        let (mut receiving, mut renewing) = (JoinSet::new(), JoinSet::new());
        for fetcher in fetchers {
            let (supervisor, stop) = (supervisor.clone(), stop.clone());
            receiving.spawn(async move {
                supervisor.keep(fetcher.task, &stop, || fetcher.run(&stop)).await;
            });
        }
        let (of, token) = (supervisor.clone(), stop.clone());
        receiving.spawn(async move { of.keep("reaper", &token, || reaper.run(&token)).await });
        let (of, token) = (supervisor.clone(), stop.clone());
        receiving.spawn(async move {
            of.keep("pause watcher", &token, || watcher.run(&token)).await;
        });
        let (of, token) = (supervisor.clone(), finished.clone());
        renewing.spawn(async move {
            of.keep("lease renewer", &token, || renewer.run(&token)).await;
        });
        let (of, token) = (supervisor.clone(), finished.clone());
        renewing.spawn(async move { of.keep("heartbeat", &token, || reporter.run(&token)).await });
        let (of, token) = (supervisor.clone(), give_up.clone());
        let acknowledging = AbortOnDropHandle::new(tokio::spawn(async move {
            // It also ends by itself: when every sender is gone and Redis has all acknowledgements.
            let ended = token.child_token();
            let run = async || {
                acknowledger.run(&token).await;
                ended.cancel();
            };
            of.keep("acknowledger", &ended, run).await;
            acknowledger.stopped().await
        }));
        RunningTasks { receiving, stop, acknowledging, give_up, renewing, finished }
    }
}

impl RunningTasks {
    /// Tells those that receive jobs to end. They do once their last commands are answered.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until no task receives jobs.
    pub(super) async fn stopped(&mut self) {
        while self.receiving.join_next().await.is_some() {}
    }

    /// Waits until Redis has all acknowledgements.
    ///
    /// # Errors
    /// The acknowledger panicked outside of its supervised runs.
    pub(super) async fn acknowledged(&mut self) -> Result<Stopped, tokio::task::JoinError> {
        (&mut self.acknowledging).await
    }

    /// Makes [`Self::acknowledged`] end soon, with whatever Redis has by then.
    pub(super) fn give_up(&self) {
        self.give_up.cancel();
    }

    /// Ends the last tasks; returns when they have ended.
    pub(super) async fn finish(&mut self) {
        self.finished.cancel();
        while self.renewing.join_next().await.is_some() {}
    }
}
