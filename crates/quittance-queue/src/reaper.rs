//! Reaper: moves due retries back to their lanes, claims the jobs of dead workers, and removes those workers
//! from the group. Every worker has one; each step is safe to do twice.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::error::QueueError;
use super::generations::BACKOFF;
use super::group_client::GroupClient;
use super::job::Lane;
use super::pause::Pauses;
use super::receive::Receiver;
use super::scripts::LIMIT;

/// The shortest gap between two sweeps.
const SHORTEST: Duration = Duration::from_millis(5);

/// Background task that sweeps.
pub(super) struct Reaper {
    pub(super) member: GroupClient,
    pub(super) receiver: Receiver,
    pub(super) pauses: Pauses,
    pub(super) interval: Duration,
}

impl Reaper {
    /// Runs until `stop`; the first sweep is at once.
    pub(super) async fn run(&self, stop: &CancellationToken) {
        let mut tidied: Option<Instant> = None;
        let mut orphans = OrphanSearch::default();
        while !stop.is_cancelled() {
            let tidy = tidied.is_none_or(|at| self.member.clock.now() - at >= self.member.lease);
            if tidy {
                orphans = OrphanSearch::all();
            }
            let swept = self.sweep(tidy, &mut orphans, stop).await;
            self.member.health.report("sweep", &swept);
            let gap = match swept {
                Ok(next_due) => {
                    if tidy {
                        tidied = Some(self.member.clock.now());
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
        tidy: bool,
        orphans: &mut OrphanSearch,
        stop: &CancellationToken,
    ) -> Result<Option<Duration>, QueueError> {
        // A Redis that is full or read-only still answers reads, so only a write shows it.
        self.member.probe().await?;
        let next_due = self.promote(stop).await?;
        let up_for = self.member.health.up_since().map(|at| self.member.clock.now() - at);
        let only_returned = is_too_early(up_for, self.member.lease);
        for lane in Lane::ALL {
            self.recover_orphans(lane, orphans).await?;
            if !self.pauses.is_paused(lane) {
                self.take_over(lane, only_returned, stop).await?;
            }
            if tidy {
                self.member.forget_others(lane).await?;
            }
        }
        Ok(next_due)
    }

    /// Looks at one page of a lane.
    async fn recover_orphans(
        &self,
        lane: Lane,
        search: &mut OrphanSearch,
    ) -> Result<(), QueueError> {
        let Some(after) = &search.0[lane.index()] else { return Ok(()) };
        let (after, jobs) = self.member.recover_orphans(lane, after).await?;
        search.0[lane.index()] = Some(after).filter(|after| !after.is_empty());
        if jobs > 0 {
            tracing::warn!(
                %lane, jobs,
                "jobs were on no worker's list, as after XGROUP DELCONSUMER; they are returned"
            );
        }
        Ok(())
    }

    async fn promote(&self, stop: &CancellationToken) -> Result<Option<Duration>, QueueError> {
        loop {
            let (moved, next_due) = self.member.promote().await?;
            if moved < LIMIT || stop.is_cancelled() {
                return Ok(next_due);
            }
        }
    }

    async fn take_over(
        &self,
        lane: Lane,
        only_returned: bool,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        let mut cursor = "0-0".to_owned();
        while !stop.is_cancelled() {
            let room = self.receiver.buffer.spare(lane);
            if room == 0 {
                break;
            }
            let (next, jobs) = self.member.take_over(lane, &cursor, room, only_returned).await?;
            let jobs = self.receiver.push_first(lane, jobs);
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

/// Where the search for orphans goes on in each lane; nowhere where it is over.
#[derive(Debug, Default)]
struct OrphanSearch([Option<String>; 2]);

impl OrphanSearch {
    /// From the beginning of both lanes.
    fn all() -> Self {
        Self(Lane::ALL.map(|_| Some("0-0".to_owned())))
    }
}

/// After an outage every job of every worker looks abandoned. Its owner renews it as soon as it is
/// connected again; until all had the time for it, no job is taken from a worker. A process that has just
/// started cannot know that there was none.
fn is_too_early(up_for: Option<Duration>, lease: Duration) -> bool {
    up_for.is_none_or(|up_for| up_for < lease + BACKOFF.cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_outage_live_workers_get_the_time_to_renew_their_leases() {
        let lease = Duration::from_secs(30);
        assert!(is_too_early(None, lease), "nothing is known yet");
        assert!(is_too_early(Some(lease), lease));
        assert!(!is_too_early(Some(lease + BACKOFF.cap), lease));
    }
}
