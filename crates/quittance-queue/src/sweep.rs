//! What some worker has to do for all: move due retries back to their lanes, take over the jobs of
//! dead workers, forget those workers. Every worker does it; each step is safe to do twice.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::connection::BACKOFF;
use super::error::QueueError;
use super::intake::Intake;
use super::job::Lane;
use super::member::Member;
use super::pause::Pauses;
use super::scripts::LIMIT;

/// The shortest gap between two sweeps.
const SHORTEST: Duration = Duration::from_millis(5);

/// Sweeps.
pub(super) struct Sweeper {
    pub(super) member: Member,
    pub(super) intake: Intake,
    pub(super) pauses: Pauses,
    pub(super) interval: Duration,
}

impl Sweeper {
    /// Runs until it is told to stop; the first sweep is at once.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut forgotten: Option<Instant> = None;
        while !stop.is_cancelled() {
            let forget = forgotten.is_none_or(|at| at.elapsed() >= self.member.lease);
            let swept = self.sweep(forget, &stop).await;
            self.member.health.report("sweep", &swept);
            let gap = match swept {
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
        // A Redis that is full or read-only still answers reads, so only a write shows it.
        self.member.probe().await?;
        let next_due = self.promote(stop).await?;
        let since_outage = self.member.health.recovered().map(|at| at.elapsed());
        for lane in Lane::ALL {
            if !is_too_early(since_outage, self.member.lease) && !self.pauses.is_paused(lane) {
                self.take_over(lane, stop).await?;
            }
            if forget {
                self.member.forget_others(lane).await?;
            }
        }
        Ok(next_due)
    }

    async fn promote(&self, stop: &CancellationToken) -> Result<Option<Duration>, QueueError> {
        loop {
            let (moved, next_due) = self.member.promote().await?;
            if moved < LIMIT || stop.is_cancelled() {
                return Ok(next_due);
            }
        }
    }

    async fn take_over(&self, lane: Lane, stop: &CancellationToken) -> Result<(), QueueError> {
        let mut cursor = "0-0".to_owned();
        while !stop.is_cancelled() {
            let room = self.intake.buffer.spare(lane);
            if room == 0 {
                break;
            }
            let (next, jobs) = self.member.take_over(lane, &cursor, room).await?;
            let jobs = self.intake.push_first(lane, jobs);
            if jobs > 0 {
                tracing::info!(%lane, jobs, "took over jobs that were handed back or orphaned");
            }
            cursor = next;
            if cursor == "0-0" {
                break;
            }
        }
        Ok(())
    }
}

/// After an outage every job of every worker looks abandoned. Its owner renews it as soon as it is
/// connected again; until all had the time for it, nothing is taken over.
fn is_too_early(since_outage: Option<Duration>, lease: Duration) -> bool {
    since_outage.is_some_and(|since| since < lease + BACKOFF.cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_outage_live_workers_get_the_time_to_renew_their_leases() {
        let lease = Duration::from_secs(30);
        assert!(!is_too_early(None, lease), "there was none");
        assert!(is_too_early(Some(lease), lease));
        assert!(!is_too_early(Some(lease + BACKOFF.cap), lease));
    }
}
