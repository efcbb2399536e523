//! Acknowledges jobs in Redis, many in one command. An acknowledgement that Redis refuses is kept and sent
//! again; its job stays in flight until then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::error::QueueError;
use super::flow::{Flow, Way};
use super::group_client::{GroupClient, Later, Returned};
use super::in_flight::InFlight;
use super::job::{JobId, Lane};
use super::scripts::LIMIT;

/// So many acknowledgements are sent at once.
const ENOUGH: usize = 64;
/// Longest wait of acknowledgements for others to send them with.
const PATIENCE: Duration = Duration::from_millis(5);
/// The most acknowledgements in one command.
const CHUNK: usize = 256;

/// Change of a job that is to be written to Redis.
#[derive(Debug)]
pub(super) enum Acknowledgement {
    /// It is finished.
    Done(JobId),
    /// It is delivered again later.
    Later(Later),
    /// It is returned for another worker.
    HandBack(Returned),
}

/// State of a consumer's stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Jobs that were returned, so that other workers can claim them at once.
    pub handed_back: usize,
    /// Jobs whose acknowledgement Redis did not take; they are claimed by other workers after their lease.
    pub left: usize,
}

/// Acknowledgements that Redis has not taken. They outlive a run of the task, so a panic loses none.
struct Unsent {
    settled: UnboundedReceiver<(Lane, Acknowledgement)>,
    batch: Vec<(Lane, Acknowledgement)>,
    open: [Open; 2],
    handed_back: usize,
}

/// Acknowledgements of one lane that are being sent.
#[derive(Debug, Default)]
struct Open {
    done: Vec<JobId>,
    later: Vec<Later>,
    hand_back: Vec<Returned>,
}

/// Background task that sends acknowledgements.
pub(super) struct Acknowledger {
    member: GroupClient,
    in_flight: Arc<InFlight>,
    flow: Flow,
    unsent: Mutex<Unsent>,
}

impl Acknowledger {
    pub(super) fn new(
        member: GroupClient,
        in_flight: Arc<InFlight>,
        flow: Flow,
        settled: UnboundedReceiver<(Lane, Acknowledgement)>,
    ) -> Self {
        let batch = Vec::with_capacity(CHUNK);
        let unsent = Unsent { settled, batch, open: Default::default(), handed_back: 0 };
        Self { member, in_flight, flow, unsent: Mutex::new(unsent) }
    }

    /// Runs until all senders are gone and Redis has every acknowledgement, or until `give_up`.
    pub(super) async fn run(&self, give_up: &CancellationToken) {
        let mut unsent = self.unsent.lock().await;
        let Unsent { settled, batch, open, handed_back } = &mut *unsent;
        while !give_up.is_cancelled() {
            let is_open = open.iter().any(|lane| lane.count() > 0);
            if !is_open
                && batch.is_empty()
                && give_up
                    .run_until_cancelled(settled.recv_many(batch, CHUNK))
                    .await
                    .is_none_or(|received| received == 0)
            {
                break;
            }
            // To time out is the ordinary case.
            let _ = timeout(PATIENCE, async {
                while batch.len() < ENOUGH && settled.recv_many(batch, CHUNK).await > 0 {}
            })
            .await;
            for (lane, settlement) in batch.drain(..) {
                open[lane.index()].add(settlement);
            }
            for lane in Lane::ALL {
                let sent = self.send(lane, &mut open[lane.index()], handed_back).await;
                self.member.health.report(part(lane), &sent);
                if let Err(error) = sent {
                    tracing::debug!(%lane, error = error.chain(), "settled jobs wait to be told");
                    give_up.run_until_cancelled(self.member.link.pause()).await;
                }
            }
        }
    }

    /// How it has stopped, once no run will follow.
    pub(super) async fn stopped(&self) -> Stopped {
        let mut unsent = self.unsent.lock().await;
        let Unsent { settled, batch, open, handed_back } = &mut *unsent;
        settled.close();
        while let Ok(late) = settled.try_recv() {
            batch.push(late);
        }
        let left = batch.len() + open.iter().map(Open::count).sum::<usize>();
        Stopped { handed_back: *handed_back, left }
    }

    async fn send(
        &self,
        lane: Lane,
        open: &mut Open,
        handed_back: &mut usize,
    ) -> Result<(), QueueError> {
        // Each kind by itself: a Redis that is out of memory refuses retries and takes the others.
        let done = self.send_done(lane, &mut open.done).await;
        let back = self.send_returned(lane, &mut open.hand_back, handed_back).await;
        let later = self.send_later(lane, &mut open.later).await;
        done.and(back).and(later)
    }

    async fn send_done(&self, lane: Lane, done: &mut Vec<JobId>) -> Result<(), QueueError> {
        while !done.is_empty() {
            let chunk = &done[..done.len().min(CHUNK)];
            self.member.acknowledge(lane, chunk).await?;
            self.in_flight.release(lane, chunk);
            self.flow.count(Way::Finished, chunk.len());
            done.drain(..chunk.len());
        }
        Ok(())
    }

    async fn send_returned(
        &self,
        lane: Lane,
        jobs: &mut Vec<Returned>,
        handed_back: &mut usize,
    ) -> Result<(), QueueError> {
        while !jobs.is_empty() {
            let chunk = &jobs[..jobs.len().min(LIMIT)];
            *handed_back += self.member.hand_back(lane, chunk).await?;
            self.in_flight.release(lane, chunk.iter().map(|job| &job.id));
            jobs.drain(..chunk.len());
        }
        Ok(())
    }

    async fn send_later(&self, lane: Lane, later: &mut Vec<Later>) -> Result<(), QueueError> {
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
