//! Tells Redis what became of jobs, many at once. What Redis does not take now is kept and told
//! again; the jobs stay ours until then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::error::QueueError;
use super::flow::{Flow, Way};
use super::group_client::{GroupClient, Later};
use super::in_flight::InFlight;
use super::job::{Delivery, JobId, Lane};
use super::scripts::LIMIT;

/// Enough for a round trip at once.
const ENOUGH: usize = 64;
/// How long fewer wait for company.
const PATIENCE: Duration = Duration::from_millis(5);
/// The most acknowledgements in one command.
const CHUNK: usize = 256;

/// What became of a job.
#[derive(Debug)]
pub(super) enum Acknowledgement {
    /// It is finished.
    Done(JobId),
    /// It comes again.
    Later(Later),
    /// It is for another worker.
    HandBack(Returned),
}

/// A job that goes back.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) id: JobId,
    /// Whether it has begun, which then no longer counts.
    pub(super) has_begun: bool,
}

impl Returned {
    /// One that has not begun.
    pub(super) fn unbegun(delivery: Delivery) -> Self {
        Self { id: delivery.id, has_begun: false }
    }
}

/// What came of it all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Jobs handed back for other workers to take at once.
    pub handed_back: usize,
    /// Jobs whose fate Redis could not be told; they are taken over after their lease.
    pub left: usize,
}

/// Jobs whose fate Redis has to be told.
#[derive(Debug, Default)]
struct Open {
    done: Vec<JobId>,
    later: Vec<Later>,
    hand_back: Vec<Returned>,
}

/// Tells Redis.
pub(super) struct Acknowledger {
    pub(super) member: GroupClient,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) flow: Flow,
}

impl Acknowledger {
    /// Runs until all senders are gone and everything is told, or until it has to give up.
    pub(super) async fn run(
        self,
        mut settled: UnboundedReceiver<(Lane, Acknowledgement)>,
        give_up: CancellationToken,
    ) -> Stopped {
        let mut open: [Open; 2] = Default::default();
        let mut report = Stopped::default();
        let mut batch = Vec::with_capacity(CHUNK);
        while !give_up.is_cancelled() {
            let is_open = open.iter().any(|lane| lane.count() > 0);
            if !is_open
                && give_up
                    .run_until_cancelled(settled.recv_many(&mut batch, CHUNK))
                    .await
                    .is_none_or(|received| received == 0)
            {
                break;
            }
            // Running out of patience is the ordinary case.
            let _ = timeout(PATIENCE, async {
                while batch.len() < ENOUGH && settled.recv_many(&mut batch, CHUNK).await > 0 {}
            })
            .await;
            for (lane, settlement) in batch.drain(..) {
                open[lane.index()].add(settlement);
            }
            for lane in Lane::ALL {
                let told = self.tell(lane, &mut open[lane.index()], &mut report).await;
                self.member.health.report(part(lane), &told);
                if let Err(error) = told {
                    tracing::debug!(%lane, error = error.chain(), "settled jobs wait to be told");
                    give_up.run_until_cancelled(self.member.link.pause()).await;
                }
            }
        }
        settled.close();
        while let Ok((lane, settlement)) = settled.try_recv() {
            open[lane.index()].add(settlement);
        }
        report.left = open.iter().map(Open::count).sum();
        report
    }

    async fn tell(
        &self,
        lane: Lane,
        open: &mut Open,
        report: &mut Stopped,
    ) -> Result<(), QueueError> {
        // Each sort by itself: a full Redis refuses retries, and takes the others all the same.
        let done = self.tell_done(lane, &mut open.done).await;
        let handed_back = self.tell_handed_back(lane, &mut open.hand_back, report).await;
        let later = self.tell_later(lane, &mut open.later).await;
        done.and(handed_back).and(later)
    }

    async fn tell_done(&self, lane: Lane, done: &mut Vec<JobId>) -> Result<(), QueueError> {
        while !done.is_empty() {
            let chunk = &done[..done.len().min(CHUNK)];
            self.member.acknowledge(lane, chunk).await?;
            self.in_flight.release(lane, chunk);
            self.flow.count(Way::Finished, chunk.len());
            done.drain(..chunk.len());
        }
        Ok(())
    }

    async fn tell_handed_back(
        &self,
        lane: Lane,
        jobs: &mut Vec<Returned>,
        report: &mut Stopped,
    ) -> Result<(), QueueError> {
        while !jobs.is_empty() {
            let chunk = &jobs[..jobs.len().min(LIMIT)];
            report.handed_back += self.member.hand_back(lane, chunk).await?;
            self.in_flight.release(lane, chunk.iter().map(|job| &job.id));
            jobs.drain(..chunk.len());
        }
        Ok(())
    }

    async fn tell_later(&self, lane: Lane, later: &mut Vec<Later>) -> Result<(), QueueError> {
        while !later.is_empty() {
            let chunk = &later[..later.len().min(LIMIT / 2)];
            let moved = self.member.put_off(lane, chunk).await?;
            if moved < chunk.len() {
                let lost = chunk.len() - moved;
                tracing::warn!(%lane, lost, "retries of jobs that are another worker's by now");
            }
            self.in_flight.release(lane, chunk.iter().map(|later| &later.id));
            later.drain(..chunk.len());
        }
        Ok(())
    }
}

/// Its name in the health report.
fn part(lane: Lane) -> &'static str {
    match lane {
        Lane::Live => "settling of live jobs",
        Lane::Backfill => "settling of backfilled jobs",
    }
}

impl Open {
    fn add(&mut self, settlement: Acknowledgement) {
        match settlement {
            Acknowledgement::Done(id) => self.done.push(id),
            Acknowledgement::Later(later) => self.later.push(later),
            Acknowledgement::HandBack(job) => self.hand_back.push(job),
        }
    }

    fn count(&self) -> usize {
        self.done.len() + self.later.len() + self.hand_back.len()
    }
}
