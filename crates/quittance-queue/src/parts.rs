//! What runs beside the apalis worker: fetching, sweeping, settling, keeping leases, looking for
//! pauses, reporting the worker.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::acknowledge::{Acknowledgement, Acknowledger, Stopped};
use super::buffer::Buffer;
use super::connection::Link;
use super::consumer::Consumer;
use super::error::QueueError;
use super::fetch::{self, Fetcher};
use super::heartbeat::Reporter;
use super::in_flight::InFlight;
use super::job::Lane;
use super::lease::Renewer;
use super::pause::Watcher;
use super::reaper::Reaper;
use super::receive::Receiver;

/// How many finished jobs may wait for Redis to take their acknowledgement before no more are
/// fetched.
const UNTOLD: usize = 4096;

/// What runs beside the apalis worker. Dropped, all of it ends.
#[derive(Default)]
pub(super) struct Parts {
    /// Fetching, sweeping and looking for pauses; they end first.
    pub(super) intake: JoinSet<()>,
    pub(super) stop: CancellationToken,
    /// Telling Redis what became of jobs.
    pub(super) settling: JoinSet<Stopped>,
    pub(super) give_up: CancellationToken,
    /// Keeping leases, and our entry in the roster; ends last.
    renewal: JoinSet<()>,
    finished: CancellationToken,
}

impl Parts {
    /// Starts them.
    pub(super) fn start(
        consumer: &Consumer,
        buffer: &Arc<Buffer>,
        settled: mpsc::UnboundedSender<(Lane, Acknowledgement)>,
        settlements: mpsc::UnboundedReceiver<(Lane, Acknowledgement)>,
    ) -> Result<Self, QueueError> {
        let member = &consumer.member;
        let held = Arc::new(InFlight::default());
        let parts = Self::default();
        let Self { stop, give_up, finished, .. } = &parts;
        let taking = Receiver { buffer: Arc::clone(buffer), in_flight: Arc::clone(&held), settled };
        let mut intake = JoinSet::new();
        for (lane, name, part) in [
            (Lane::Live, "live lane's connection", "live lane"),
            (Lane::Backfill, "backfill lane's connection", "backfill lane"),
        ] {
            let patience = fetch::WAIT + consumer.redis.command_timeout;
            let link = Link::new(name, &consumer.redis, patience, Some(member.health.clone()))?;
            let fetcher = Fetcher {
                lane,
                part,
                member: member.on(link),
                intake: taking.clone(),
                pauses: consumer.pauses(),
                most: consumer.concurrency + 4 * consumer.queue.prefetch.max(1) + UNTOLD,
            };
            intake.spawn(fetcher.run(stop.clone()));
        }
        let sweeper = Reaper {
            member: member.clone(),
            intake: taking.clone(),
            pauses: consumer.pauses(),
            interval: consumer.queue.sweep_interval,
        };
        intake.spawn(sweeper.run(stop.clone()));
        let known = consumer.paused.clone();
        let watcher = Watcher { member: member.clone(), intake: taking, known };
        intake.spawn(watcher.run(stop.clone()));
        let renewer = Renewer {
            member: member.clone(),
            buffer: Arc::clone(buffer),
            in_flight: Arc::clone(&held),
        };
        let mut renewal = JoinSet::new();
        renewal.spawn(renewer.run(finished.clone()));
        let (heartbeat, pauses) = (consumer.heartbeat(), consumer.pauses());
        let reporter = Reporter { member: member.clone(), heartbeat, pauses };
        renewal.spawn(reporter.run(finished.clone()));
        let flow = consumer.flow.clone();
        let settler = Acknowledger { member: member.clone(), in_flight: Arc::clone(&held), flow };
        let mut settling = JoinSet::new();
        settling.spawn(settler.run(settlements, give_up.clone()));
        Ok(Self { intake, renewal, settling, ..parts })
    }

    /// Ends the last of them; returns when they have ended.
    pub(super) async fn finish(&mut self) {
        self.finished.cancel();
        while self.renewal.join_next().await.is_some() {}
    }

    /// Waits until one of them ends, which none does before it is told to.
    pub(super) async fn died(&mut self) -> QueueError {
        let ended = tokio::select! {
            ended = self.intake.join_next() => ended.and_then(Result::err),
            ended = self.settling.join_next() => ended.and_then(Result::err),
            ended = self.renewal.join_next() => ended.and_then(Result::err),
        };
        QueueError::Task(ended)
    }
}
