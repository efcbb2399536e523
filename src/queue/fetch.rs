//! Fetches jobs ahead: one loop and one connection a lane, since a blocked read blocks both.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::buffer::Buffer;
use super::error::QueueError;
use super::held::Held;
use super::job::{Delivery, Lane};
use super::member::Member;

/// How long a read waits for jobs; also how long a stop may take to be noticed. A read is never
/// dropped half-way: its jobs would be ours without our knowing.
pub(super) const WAIT: Duration = Duration::from_millis(500);

/// The loop of one lane.
pub(super) struct Fetcher {
    pub(super) lane: Lane,
    /// Its name in the health report.
    pub(super) part: &'static str,
    /// On a connection of its own.
    pub(super) member: Member,
    pub(super) buffer: Arc<Buffer>,
    pub(super) held: Arc<Held>,
    /// The most jobs that we hold at all.
    pub(super) most: usize,
}

impl Fetcher {
    /// Runs until it is told to stop.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut unsure = false;
        while let Some(room) = stop.run_until_cancelled(self.room()).await {
            let fetched = if unsure { self.recover().await } else { self.fetch(room).await };
            self.member.health.report(self.part, &fetched);
            if let Err(error) = &fetched {
                tracing::debug!(lane = %self.lane, error = error.chain(), "a fetch failed");
            }
            unsure = fetched.is_err();
        }
    }

    async fn room(&self) -> usize {
        self.member.link.pause().await;
        self.held.below(self.most).await;
        self.buffer.room(self.lane).await
    }

    async fn fetch(&self, room: usize) -> Result<(), QueueError> {
        let jobs = self.member.read(self.lane, room, WAIT).await?;
        self.buffer.push(self.lane, fresh(&self.held, self.lane, jobs));
        Ok(())
    }

    /// After a failure two things are unknown: whether the group is still there (Redis may have lost
    /// its data), and whether the last read delivered jobs whose answer never came.
    async fn recover(&self) -> Result<(), QueueError> {
        self.member.ensure_group(self.lane).await?;
        let mut from = "-".to_owned();
        loop {
            let (last, jobs) = self.member.adopt(self.lane, &from).await?;
            self.buffer.push_first(self.lane, fresh(&self.held, self.lane, jobs));
            if last.is_empty() {
                return Ok(());
            }
            from = format!("({last}");
        }
    }
}

/// Takes in the jobs that we don't have yet.
pub(super) fn fresh(held: &Held, lane: Lane, mut jobs: Vec<Delivery>) -> Vec<Delivery> {
    jobs.retain(|job| held.take(lane, &job.id));
    jobs
}
