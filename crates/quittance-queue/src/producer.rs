//! Puts jobs on the queue.

use std::time::Duration;

use redis::Cmd;
use uuid::Uuid;

use super::connection::Link;
use super::depth::{self, Depth};
use super::durability::{self, Durability};
use super::error::QueueError;
use super::flow::{Flow, Way};
use super::job::{Job, JobId, Lane};
use super::keys::Keys;
use super::scripts;
use quittance_config as config;

/// Jobs written in one round trip.
const PIPELINE: usize = 500;

/// Puts jobs on the queue. Clones share one connection, which is opened by the first call and opened
/// again when it breaks. Every call ends within `redis.command_timeout`.
#[derive(Clone)]
pub struct Producer {
    link: Link,
    keys: Keys,
    limit: Duration,
    flow: Flow,
}

impl Producer {
    /// Reads the settings. Connects nowhere, so it does not fail because Redis is down.
    ///
    /// # Errors
    /// [`QueueError::Url`].
    pub fn new(redis: &config::Redis, queue: &config::Queue) -> Result<Self, QueueError> {
        let limit = redis.command_timeout;
        let link = Link::new("producer", redis, limit, None)?;
        let flow = Flow::new(redis, queue)?;
        Ok(Self { link, keys: Keys::new(&queue.name), limit, flow })
    }

    /// Puts a job at the tail of a lane. When this returns its id, Redis has it.
    ///
    /// On an error the job may be there all the same (its answer was lost), so a caller that tries
    /// again may deliver it twice.
    ///
    /// # Errors
    /// Class `Unavailable` when Redis does not take it in time.
    pub async fn enqueue(&self, lane: Lane, job: &Job) -> Result<JobId, QueueError> {
        let command = self.add(lane, job)?;
        let id: String =
            self.link
                .call_within(self.limit, |mut redis| async move {
                    command.query_async(&mut redis).await
                })
                .await?;
        self.flow.count(Way::Arrived, 1);
        Ok(JobId::new(id))
    }

    /// Puts jobs at the tail of a lane, in their order, many in one round trip.
    ///
    /// # Errors
    /// As [`Self::enqueue`]; any number of the jobs may be there already.
    pub async fn enqueue_many(&self, lane: Lane, jobs: &[Job]) -> Result<Vec<JobId>, QueueError> {
        let mut ids = Vec::with_capacity(jobs.len());
        for jobs in jobs.chunks(PIPELINE) {
            let mut pipeline = redis::pipe();
            for job in jobs {
                pipeline.add_command(self.add(lane, job)?);
            }
            let added: Vec<String> = self
                .link
                .call_within(self.limit, |mut redis| async move {
                    pipeline.query_async(&mut redis).await
                })
                .await?;
            self.flow.count(Way::Arrived, added.len());
            ids.extend(added.into_iter().map(JobId::new));
        }
        Ok(ids)
    }

    /// Puts jobs at the tail of a lane later, each after a delay of its own. Until then they wait
    /// where retries wait, in the memory of Redis.
    ///
    /// # Errors
    /// As [`Self::enqueue`]; any number of the jobs may be there already.
    pub async fn enqueue_many_later(
        &self,
        lane: Lane,
        jobs: &[(Job, Duration)],
    ) -> Result<(), QueueError> {
        for jobs in jobs.chunks(scripts::LIMIT) {
            let mut arguments: Vec<Vec<u8>> = Vec::with_capacity(jobs.len() * 4);
            for (job, delay) in jobs {
                arguments.push(format!("{lane}:{}", Uuid::new_v4()).into_bytes());
                arguments.push(delay.as_millis().to_string().into_bytes());
                arguments.push(job.meta.encode().map_err(QueueError::Encode)?.into_bytes());
                arguments.push(job.body.to_vec());
            }
            let keys = (scripts::LATER.keys)(&self.keys, lane, "");
            let _: i64 = self
                .link
                .call_within(self.limit, |redis| async move {
                    scripts::LATER.call(redis, keys, &[lane.as_str()], &arguments).await
                })
                .await?;
            self.flow.count(Way::Arrived, jobs.len());
        }
        Ok(())
    }

    /// Whether Redis takes writes now: one that loads its data, that is a read-only replica or out
    /// of memory answers a PING, so this writes.
    ///
    /// # Errors
    /// What keeps it from it.
    pub async fn ready(&self) -> Result<(), QueueError> {
        let command = probe(&self.keys);
        self.link
            .call_within(
                self.limit,
                |mut redis| async move { command.query_async(&mut redis).await },
            )
            .await
    }

    /// Whether Redis keeps what it acknowledged, as far as it says so.
    ///
    /// # Errors
    /// [`QueueError::Sentinel`], and class `Unavailable` when Redis does not answer in time.
    pub async fn durability(&self) -> Result<Durability, QueueError> {
        let info = self.link.call_within(self.limit, durability::info).await?;
        durability::serves(&info)?;
        Ok(Durability::judge(&info))
    }

    /// Counts the queue, at one instant.
    ///
    /// # Errors
    /// Class `Unavailable` when Redis does not answer in time.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        depth::read(&self.link, &self.keys, self.limit).await
    }

    fn add(&self, lane: Lane, job: &Job) -> Result<Cmd, QueueError> {
        let meta = job.meta.encode().map_err(QueueError::Encode)?;
        let mut command = redis::cmd("XADD");
        command.arg(self.keys.stream(lane)).arg("*");
        command.arg("m").arg(meta).arg("b").arg(&job.body[..]);
        Ok(command)
    }
}

/// A tiny write that leaves nothing behind.
pub(super) fn probe(keys: &Keys) -> Cmd {
    let mut command = redis::cmd("SET");
    command.arg(keys.ready()).arg(1).arg("PX").arg(60_000);
    command
}
