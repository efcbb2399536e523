//! Prefetching of jobs: one task and one connection for each lane, because a blocking read occupies both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::error::QueueError;
use super::group_client::GroupClient;
use super::job::Lane;
use super::pause::Pauses;
use super::receive::Receiver;

/// How long a read waits for jobs; also how long a stop may take to be noticed. A stop waits
/// for the read: Redis may have delivered jobs whose ids the process would not learn.
pub(super) const WAIT: Duration = Duration::from_millis(500);

/// Background task that fetches the jobs of one lane.
pub(super) struct Fetcher {
    pub(super) lane: Lane,
    /// Its name in the health report.
    pub(super) part: &'static str,
    /// Its name with the supervisor.
    pub(super) task: &'static str,
    /// On a connection of its own.
    pub(super) member: GroupClient,
    pub(super) receiver: Receiver,
    pub(super) pauses: Pauses,
    /// The most jobs in flight in this worker.
    pub(super) most: usize,
    /// Whether Redis may have delivered jobs to this consumer that the process does not know of. Kept
    /// outside of a run, because a run that panics in a read leaves such jobs.
    pub(super) unsure: AtomicBool,
}

impl Fetcher {
    /// Runs until `stop`.
    pub(super) async fn run(&self, stop: &CancellationToken) {
        while let Some(room) = stop.run_until_cancelled(self.room()).await {
            // Stays true if this run panics before the answer is read.
            let unsure = self.unsure.swap(true, Ordering::Relaxed);
            let fetched = if unsure { self.recover().await } else { self.fetch(room).await };
            self.member.health.report(self.part, &fetched);
            if let Err(error) = &fetched {
                tracing::debug!(lane = %self.lane, error = error.chain(), "a fetch failed");
            }
            self.unsure.store(fetched.is_err(), Ordering::Relaxed);
        }
    }

    async fn room(&self) -> usize {
        self.member.link.pause().await;
        self.receiver.in_flight.below(self.most).await;
        let room = self.receiver.buffer.room(self.lane).await;
        // Last: a pause makes room in the buffer.
        self.pauses.resumed(self.lane).await;
        room
    }

    async fn fetch(&self, room: usize) -> Result<(), QueueError> {
        let jobs = self.member.read(self.lane, room, WAIT).await?;
        self.receiver.push(self.lane, jobs);
        Ok(())
    }

    /// After a failure two things are unknown: whether the group is still there (Redis may have lost
    /// its data), and whether the last read delivered jobs whose answer never came.
    async fn recover(&self) -> Result<(), QueueError> {
        self.member.ensure_groups().await?;
        let mut from = "-".to_owned();
        loop {
            self.receiver.in_flight.note_releases(self.lane);
            let (last, jobs) = self.member.adopt(self.lane, &from).await?;
            self.receiver.push_adopted(self.lane, jobs);
            if last.is_empty() {
                return Ok(());
            }
            from = format!("({last}");
        }
    }
}
