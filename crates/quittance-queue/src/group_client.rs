//! A worker as a member of the consumer group: every command that it sends to Redis.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::clock::Clock;
use super::connection::Link;
use super::error::QueueError;
use super::group::SeenEpoch;
use super::health::Health;
use super::job::{Delivery, JobId, Lane};
use super::keys::{GROUP, Keys, UNASSIGNED};
use super::producer::probe;
use super::scripts::{self, LIMIT, NO_MORE, Script};
use super::{entries, group};

/// A job to be put off: its id, for how long, and its meta data from then on.
#[derive(Debug)]
pub(super) struct Later {
    pub(super) id: JobId,
    pub(super) after: Duration,
    pub(super) meta: String,
}

/// A job that a worker returns to its lane.
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

/// A worker in the group.
#[derive(Clone)]
pub(super) struct GroupClient {
    pub(super) link: Link,
    pub(super) keys: Arc<Keys>,
    /// Its consumer name, new with each start of the process: what an earlier run left behind is
    /// taken over like any other worker's.
    pub(super) name: Arc<str>,
    pub(super) lease: Duration,
    pub(super) health: Health,
    pub(super) clock: Clock,
    pub(super) seen: Arc<SeenEpoch>,
}

impl GroupClient {
    /// The same member on a connection of its own.
    pub(super) fn on(&self, link: Link) -> Self {
        Self { link, ..self.clone() }
    }

    pub(super) async fn ensure_groups(&self) -> Result<(), QueueError> {
        group::ensure(&self.link, &self.keys, &self.seen).await
    }

    /// Waits up to `wait` for new jobs. Blocks the connection.
    pub(super) async fn read(
        &self,
        lane: Lane,
        count: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(&*self.name).arg("COUNT").arg(count);
        command.arg("BLOCK").arg(millis(wait));
        command.arg("STREAMS").arg(self.keys.stream(lane)).arg(">");
        self.link
            .call_and_read(
                |mut redis| async move { command.query_async(&mut redis).await },
                |answer: Value| entries::fetched(answer, lane),
            )
            .await
    }

    /// Jobs that workers have returned or, unless `only_returned`, whose worker is silent, from
    /// `cursor` on, and where to go on; `0-0` is the end.
    pub(super) async fn take_over(
        &self,
        lane: Lane,
        cursor: &str,
        limit: usize,
        only_returned: bool,
    ) -> Result<(String, Vec<Delivery>), QueueError> {
        let lease = millis(self.lease).to_string();
        let limit = limit.min(LIMIT).to_string();
        let which = if only_returned { "returned" } else { "all" };
        let arguments = [GROUP, &*self.name, &*lease, cursor, &*limit, UNASSIGNED, which];
        self.claim(&scripts::TAKE_OVER, lane, &arguments).await
    }

    /// Returns jobs to the queue that are on no pending list, from those after an id on; answers how
    /// many, and where to go on, which is nowhere at the end.
    pub(super) async fn recover_orphans(
        &self,
        lane: Lane,
        after: &str,
    ) -> Result<(String, usize), QueueError> {
        let (lease, limit) = (millis(self.lease).to_string(), LIMIT.to_string());
        let arguments = [GROUP, UNASSIGNED, &*lease, after, &*limit];
        self.script(&scripts::ORPHANS, lane, &arguments, NO_MORE).await
    }

    /// Counts that a job begins; answers how many workers have begun it, this one included. None:
    /// another worker has it.
    pub(super) async fn begin(&self, lane: Lane, id: &JobId) -> Result<Option<u32>, QueueError> {
        let arguments = [GROUP, &*self.name, id.as_str()];
        let deliveries: u32 = self.script(&scripts::BEGIN, lane, &arguments, NO_MORE).await?;
        Ok((deliveries > 0).then_some(deliveries))
    }

    /// Jobs that are pending under our name, from an id on, and the last id; empty at the end.
    pub(super) async fn adopt(
        &self,
        lane: Lane,
        from: &str,
    ) -> Result<(String, Vec<Delivery>), QueueError> {
        let limit = LIMIT.to_string();
        let arguments = [GROUP, &*self.name, from, &*limit];
        self.claim(&scripts::ADOPT, lane, &arguments).await
    }

    /// Renews the lease of at most [`LIMIT`] jobs; answers which ones another worker has.
    pub(super) async fn renew(&self, lane: Lane, ids: &[JobId]) -> Result<Vec<JobId>, QueueError> {
        let taken: Vec<String> = self
            .script(&scripts::RENEW, lane, &[GROUP, &*self.name, UNASSIGNED], &names(ids))
            .await?;
        Ok(taken.into_iter().map(JobId::new).collect())
    }

    /// Returns up to [`LIMIT`] jobs to the queue; answers how many were ours.
    pub(super) async fn hand_back(
        &self,
        lane: Lane,
        jobs: &[Returned],
    ) -> Result<usize, QueueError> {
        let lease = millis(self.lease).to_string();
        let arguments = [GROUP, &*self.name, &*lease, UNASSIGNED];
        let jobs: Vec<_> = jobs
            .iter()
            .map(|job| format!("{}{}", if job.has_begun { '-' } else { '=' }, job.id))
            .collect();
        self.script(&scripts::HAND_BACK, lane, &arguments, &jobs).await
    }

    /// Removes at most 1,000 finished jobs. An id that is gone already is passed over.
    pub(super) async fn acknowledge(&self, lane: Lane, ids: &[JobId]) -> Result<(), QueueError> {
        let _removed: usize =
            self.script(&scripts::ACKNOWLEDGE, lane, &[GROUP], &names(ids)).await?;
        Ok(())
    }

    /// Puts off at most [`LIMIT`] / 2 jobs; answers how many were ours.
    pub(super) async fn put_off(&self, lane: Lane, jobs: &[Later]) -> Result<usize, QueueError> {
        let mut arguments = Vec::with_capacity(3 * jobs.len());
        for job in jobs {
            arguments.push(job.id.as_str().to_owned());
            arguments.push(millis(job.after).to_string());
            arguments.push(job.meta.clone());
        }
        let fixed = [GROUP, &*self.name, lane.as_str()];
        self.script(&scripts::RESCHEDULE, lane, &fixed, &arguments).await
    }

    /// Moves up to [`LIMIT`] due jobs back to their lanes; answers how many, and when the next is
    /// due.
    pub(super) async fn promote(&self) -> Result<(usize, Option<Duration>), QueueError> {
        let limit = LIMIT.to_string();
        let (moved, wait, lost): (usize, i64, usize) =
            self.script(&scripts::PROMOTE, Lane::Live, &[&*limit], NO_MORE).await?;
        if lost > 0 {
            // No code of ours does that: keys of the queue were deleted manually.
            tracing::error!(lost, "delayed jobs have lost their payload; resend them from Stripe");
        }
        Ok((moved, u64::try_from(wait).ok().map(Duration::from_millis)))
    }

    /// Removes the names of workers that are long gone.
    pub(super) async fn forget_others(&self, lane: Lane) -> Result<usize, QueueError> {
        let silence = millis(self.lease * 10).to_string();
        let limit = LIMIT.to_string();
        self.script(&scripts::FORGET, lane, &[GROUP, &*silence, &*limit], NO_MORE).await
    }

    /// Removes our own name, if nothing is pending under it; answers whether something is.
    pub(super) async fn leave(&self, lane: Lane) -> Result<bool, QueueError> {
        let pending: usize =
            self.script(&scripts::LEAVE, lane, &[GROUP, &*self.name], NO_MORE).await?;
        Ok(pending > 0)
    }

    /// Whether Redis takes writes.
    pub(super) async fn probe(&self) -> Result<(), QueueError> {
        let command = probe(&self.keys);
        self.link.call(|mut redis| async move { command.query_async(&mut redis).await }).await
    }

    async fn script<T: redis::FromRedisValue>(
        &self,
        script: &Script,
        lane: Lane,
        fixed: &[&str],
        rest: &[impl redis::ToRedisArgs],
    ) -> Result<T, QueueError> {
        let keys = (script.keys)(&self.keys, lane, "");
        self.link.call(|redis| script.call(redis, keys, fixed, rest)).await
    }

    async fn claim(
        &self,
        script: &Script,
        lane: Lane,
        fixed: &[&str],
    ) -> Result<(String, Vec<Delivery>), QueueError> {
        let keys = (script.keys)(&self.keys, lane, "");
        self.link
            .call_and_read(
                |redis| script.call(redis, keys, fixed, NO_MORE),
                |answer: Value| entries::claimed(answer, lane),
            )
            .await
    }
}

fn names(ids: &[JobId]) -> Vec<&str> {
    ids.iter().map(JobId::as_str).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
