//! Keeps the lease of every job that is ours, so that only a dead or frozen worker loses its jobs.

use std::collections::HashSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::buffer::Buffer;
use super::error::QueueError;
use super::group_client::GroupClient;
use super::in_flight::InFlight;
use super::job::Lane;
use super::scripts::LIMIT;

/// Renews leases.
pub(super) struct Renewer {
    pub(super) member: GroupClient,
    pub(super) buffer: Arc<Buffer>,
    pub(super) in_flight: Arc<InFlight>,
}

impl Renewer {
    /// Runs until no job is in flight. Three times a lease; at once when Redis is back after
    /// an outage, and when an earlier run has panicked: either may have used the lease up.
    pub(super) async fn run(&self, finished: &CancellationToken) {
        loop {
            loop {
                let renewed = self.renew().await;
                self.member.health.report("renewal", &renewed);
                let Err(error) = renewed else { break };
                tracing::debug!(error = error.chain(), "leases could not be renewed");
                if finished.run_until_cancelled(self.member.link.pause()).await.is_none() {
                    return;
                }
            }
            let wait = self.member.clock.sleep(self.member.lease / 3);
            if finished.run_until_cancelled(wait).await.is_none() {
                return;
            }
        }
    }

    async fn renew(&self) -> Result<(), QueueError> {
        for lane in Lane::ALL {
            for ids in self.in_flight.ids(lane).chunks(LIMIT) {
                let taken = self.member.renew(lane, ids).await;
                if taken.is_err() {
                    // Redis may have lost the group; jobs in flight are run all the same.
                    self.member.ensure_groups().await?;
                }
                let taken: HashSet<_> = taken?.into_iter().collect();
                if taken.is_empty() {
                    continue;
                }
                tracing::warn!(%lane, jobs = taken.len(), "another worker took jobs of ours over");
                self.buffer.remove(lane, &taken);
                self.in_flight.release(lane, &taken);
            }
        }
        Ok(())
    }
}
