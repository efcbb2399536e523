//! Fetches jobs ahead: one loop and one connection a lane, since a blocked read blocks both.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::error::QueueError;
use super::group_client::GroupClient;
use super::job::Lane;
use super::pause::Pauses;
use super::receive::Receiver;

/// How long a read waits for jobs; also how long a stop may take to be noticed. A read is never
/// dropped half-way: its jobs would be ours without our knowing.
pub(super) const WAIT: Duration = Duration::from_millis(500);

/// The loop of one lane.
pub(super) struct Fetcher {
    pub(super) lane: Lane,
    /// Its name in the health report.
    pub(super) part: &'static str,
    /// On a connection of its own.
    pub(super) member: GroupClient,
    pub(super) intake: Receiver,
    pub(super) pauses: Pauses,
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
        self.intake.in_flight.below(self.most).await;
        let room = self.intake.buffer.room(self.lane).await;
        // Last: a pause makes room in the buffer.
        self.pauses.resumed(self.lane).await;
        room
    }

    async fn fetch(&self, room: usize) -> Result<(), QueueError> {
        let jobs = self.member.read(self.lane, room, WAIT).await?;
        self.intake.push(self.lane, jobs);
        Ok(())
    }

    /// After a failure two things are unknown: whether the group is still there (Redis may have lost
    /// its data), and whether the last read delivered jobs whose answer never came.
    async fn recover(&self) -> Result<(), QueueError> {
        self.member.ensure_groups().await?;
        let mut from = "-".to_owned();
        loop {
            let (last, jobs) = self.member.adopt(self.lane, &from).await?;
            self.intake.push_first(self.lane, jobs);
            if last.is_empty() {
                return Ok(());
            }
            from = format!("({last}");
        }
    }
}
