//! What some worker has to do for all: move due retries back to their lanes, take over the jobs of
//! dead workers, forget those workers. Every worker does it; each step is safe to do twice.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::buffer::Buffer;
use super::error::QueueError;
use super::fetch::fresh;
use super::health::Health;
use super::held::Held;
use super::job::Lane;
use super::member::Member;
use super::scripts::LIMIT;

/// The shortest gap between two sweeps.
const SHORTEST: Duration = Duration::from_millis(5);

/// Sweeps.
pub(super) struct Sweeper {
    pub(super) member: Member,
    pub(super) buffer: Arc<Buffer>,
    pub(super) held: Arc<Held>,
    pub(super) health: Health,
    pub(super) interval: Duration,
}

impl Sweeper {
    /// Runs until it is told to stop; the first sweep is at once.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut forgotten: Option<Instant> = None;
        while !stop.is_cancelled() {
            let forget = forgotten.is_none_or(|at| at.elapsed() >= self.member.lease);
            let gap = match self.sweep(forget, &stop).await {
                Ok(next_due) => {
                    if forget {
                        forgotten = Some(Instant::now());
                    }
                    next_due.map_or(self.interval, |due| due.clamp(SHORTEST, self.interval))
                }
                Err(error) => {
                    tracing::debug!(error = error.chain(), "a sweep failed");
                    // The fetchers see to a group that was lost.
                    stop.run_until_cancelled(self.member.link.pause()).await;
                    SHORTEST
                }
            };
            stop.run_until_cancelled(sleep(gap)).await;
        }
    }

    /// Answers when the next retry is due.
    async fn sweep(
        &self,
        forget: bool,
        stop: &CancellationToken,
    ) -> Result<Option<Duration>, QueueError> {
        self.probe().await?;
        let next_due = self.promote(stop).await?;
        for lane in Lane::ALL {
            if !self.is_too_early() {
                self.take_over(lane, stop).await?;
            }
            if forget {
                self.member.forget_others(lane).await?;
            }
        }
        Ok(next_due)
    }

    /// A Redis that is full or read-only still answers reads, so only a write shows it.
    async fn probe(&self) -> Result<(), QueueError> {
        const PART: &str = "write";
        let probe = self.member.probe().await;
        match &probe {
            Ok(()) => self.health.up(PART),
            Err(error @ QueueError::NotServing(_)) => self.health.down(PART, error.chain()),
            // The connection reports itself.
            Err(_) => {}
        }
        probe
    }

    async fn promote(&self, stop: &CancellationToken) -> Result<Option<Duration>, QueueError> {
        loop {
            let (moved, next_due) = self.member.promote().await?;
            if moved < LIMIT || stop.is_cancelled() {
                return Ok(next_due);
            }
        }
    }

    /// After an outage every job of every worker looks abandoned. Its owner renews it as soon as it
    /// is connected again; until all had the time for it, nothing is taken over.
    fn is_too_early(&self) -> bool {
        self.health.recovered().is_some_and(|at| at.elapsed() < self.member.lease)
    }

    async fn take_over(&self, lane: Lane, stop: &CancellationToken) -> Result<(), QueueError> {
        let mut cursor = "0-0".to_owned();
        while !stop.is_cancelled() {
            let room = self.buffer.spare(lane);
            if room == 0 {
                break;
            }
            let (next, jobs) = self.member.take_over(lane, &cursor, room).await?;
            let jobs = fresh(&self.held, lane, jobs);
            if !jobs.is_empty() {
                tracing::info!(%lane, jobs = jobs.len(), "took over jobs of a silent worker");
            }
            self.buffer.push_first(lane, jobs);
            cursor = next;
            if cursor == "0-0" {
                break;
            }
        }
        Ok(())
    }
}
