//! Inspection of the queue for operators: its depth, its jobs, its workers, and the pauses of its lanes.

use std::time::{Duration, Instant};

use super::bucket::Bucket;
use super::connection::Link;
use super::depth::{self, Depth};
use super::durability::{self, Durability};
use super::error::QueueError;
use super::flow::FlowCounts;
use super::job::Lane;
use super::keys::{GROUP, Keys, UNASSIGNED};
use super::marker::{self, MarkerState, Mode};
use super::pause::{self, Pause};
use super::peek::{self, Peeked, Place};
use super::producer::probe;
use super::scripts::{self, LIMIT, NO_MORE};
use super::worker_registry::{KEEP, Listed};
use quittance_config as config;

/// The most workers and buckets that are listed.
const MOST: usize = 200;

/// Shows a queue and pauses its lanes. Clones share one connection, which is opened by the first
/// call. Every call ends within `redis.command_timeout`.
#[derive(Clone)]
pub struct Inspector {
    link: Link,
    keys: Keys,
    name: String,
    limit: Duration,
}

impl Inspector {
    /// Reads the settings; connects with the first call.
    ///
    /// # Errors
    /// [`QueueError::Url`].
    pub fn new(redis: &config::Redis, queue: &config::Queue) -> Result<Self, QueueError> {
        let limit = redis.command_timeout;
        let link = Link::new("inspector", redis, limit, None)?;
        Ok(Self { link, keys: Keys::new(&queue.name), name: queue.name.clone(), limit })
    }

    /// The queue's name.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.name
    }

    /// How long Redis takes to answer a small question. Reads alone: a full Redis answers it, too.
    ///
    /// # Errors
    /// What keeps it from it.
    pub async fn latency(&self) -> Result<Duration, QueueError> {
        // Opening the connection is not what is measured.
        self.ask(redis::cmd("PING")).await.map(|_: String| ())?;
        let begin = Instant::now();
        self.ask(redis::cmd("PING")).await.map(|_: String| ())?;
        Ok(begin.elapsed())
    }

    /// Whether Redis takes writes now.
    ///
    /// # Errors
    /// What keeps it from it.
    pub async fn takes_writes(&self) -> Result<(), QueueError> {
        let _: redis::Value = self.ask(probe(&self.keys)).await?;
        Ok(())
    }

    /// Whether Redis keeps what it acknowledged, as far as it says so.
    ///
    /// # Errors
    /// Redis.
    pub async fn durability(&self) -> Result<Durability, QueueError> {
        Ok(Durability::judge(&self.link.call_within(self.limit, durability::info).await?))
    }

    /// What the marker says, compared with what is there. Changes nothing.
    ///
    /// # Errors
    /// Redis.
    pub async fn marker(&self) -> Result<MarkerState, QueueError> {
        let keys = &self.keys;
        let call = |redis| async move { marker::establish(redis, keys, Mode::Look).await };
        marker::read(self.link.call_within(self.limit, call).await?)
    }

    /// Counts the queue, at one instant.
    ///
    /// # Errors
    /// Redis; so for all that follow.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        depth::read(&self.link, &self.keys, self.limit).await
    }

    /// The lanes that are paused.
    ///
    /// # Errors
    /// Redis.
    pub async fn pauses(&self) -> Result<Vec<Pause>, QueueError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.keys.paused());
        let fields: Vec<(String, String)> = self.ask(command).await?;
        Ok(pause::decode(fields).into_iter().flatten().collect())
    }

    /// Pauses a lane: within about a second no worker begins a job of it any more. Answers whether
    /// it was not paused before, and the pause that holds now.
    ///
    /// # Errors
    /// Redis.
    pub async fn pause(
        &self,
        lane: Lane,
        by: &str,
        reason: Option<&str>,
    ) -> Result<(bool, Pause), QueueError> {
        let keys = (scripts::PAUSE.keys)(&self.keys, lane, "");
        let fixed = [lane.as_str(), by, reason.unwrap_or_default()];
        let (new, json): (u8, String) = self
            .link
            .call_within(self.limit, |redis| async move {
                scripts::PAUSE.call(redis, keys, &fixed, NO_MORE).await
            })
            .await?;
        Ok((new == 1, Pause::decode(lane, &json)))
    }

    /// Ends the pause of a lane; answers the pause that it ended.
    ///
    /// # Errors
    /// Redis.
    pub async fn resume(&self, lane: Lane) -> Result<Option<Pause>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        pipeline.cmd("HGET").arg(self.keys.paused()).arg(lane.as_str());
        pipeline.cmd("HDEL").arg(self.keys.paused()).arg(lane.as_str()).ignore();
        let (json,): (Option<String>,) = self.pipe(pipeline).await?;
        Ok(json.map(|json| Pause::decode(lane, &json)))
    }

    /// The first jobs of a lane in a place, at most 100. Changes nothing.
    ///
    /// # Errors
    /// Redis.
    pub async fn peek(
        &self,
        lane: Lane,
        place: Place,
        limit: usize,
    ) -> Result<Vec<Peeked>, QueueError> {
        let limit = limit.min(LIMIT).to_string();
        let answer = match place {
            Place::Waiting | Place::InHand => {
                let keys = (scripts::PEEK_STREAM.keys)(&self.keys, lane, "");
                let fixed = [GROUP, UNASSIGNED, place.as_str(), &*limit];
                let call = |redis| async move {
                    scripts::PEEK_STREAM.call(redis, keys, &fixed, NO_MORE).await
                };
                self.link.call_within(self.limit, call).await?
            }
            Place::Delayed => {
                let keys = (scripts::PEEK_DELAYED.keys)(&self.keys, lane, "");
                let fixed = [lane.as_str(), &*limit];
                let call = |redis| async move {
                    scripts::PEEK_DELAYED.call(redis, keys, &fixed, NO_MORE).await
                };
                self.link.call_within(self.limit, call).await?
            }
        };
        Ok(peek::decode(lane, place, answer))
    }

    /// The events of the jobs of a lane after an entry of its stream, a page of them.
    pub(super) async fn events_of(
        &self,
        lane: Lane,
        after: &str,
        most: usize,
    ) -> Result<(String, usize, Vec<String>), QueueError> {
        let keys = (scripts::EVENTS_OF.keys)(&self.keys, lane, "");
        let most = most.to_string();
        let call = |redis| async move {
            scripts::EVENTS_OF.call(redis, keys, &[after, &*most], NO_MORE).await
        };
        self.link.call_within(self.limit, call).await
    }

    /// The meta data of delayed jobs from a cursor on, and the next cursor; `0` is the beginning and the end.
    pub(super) async fn delayed_from(
        &self,
        cursor: u64,
        most: usize,
    ) -> Result<(u64, Vec<(String, Vec<u8>)>), QueueError> {
        let mut command = redis::cmd("HSCAN");
        command.arg(self.keys.payloads()).arg(cursor).arg("MATCH").arg("*:m");
        self.ask(command.arg("COUNT").arg(most).take()).await
    }

    /// The workers, those first that reported themselves last; at most 200.
    ///
    /// # Errors
    /// Redis.
    pub async fn roster(&self) -> Result<Vec<Listed>, QueueError> {
        let keys = (scripts::ROSTER.keys)(&self.keys, Lane::Live, "");
        let (keep, most) = (KEEP.as_millis().to_string(), MOST.to_string());
        let listed: Vec<(String, u64, String)> = self
            .link
            .call_within(self.limit, |redis| async move {
                scripts::ROSTER.call(redis, keys, &[&*keep, &*most], NO_MORE).await
            })
            .await?;
        Ok(listed.into_iter().map(|(id, ago, card)| Listed::decode(id, ago, &card)).collect())
    }

    /// The buckets of the limiter that were drawn on within the last minute, by name; at most 200.
    ///
    /// # Errors
    /// Redis.
    pub async fn buckets(&self) -> Result<Vec<Bucket>, QueueError> {
        let now = self.now().await?.as_micros();
        let mut command = redis::cmd("ZREVRANGEBYSCORE");
        let from = (now / 1000).saturating_sub(60_000).to_string();
        command.arg(self.keys.budgets()).arg("+inf").arg(from).arg("LIMIT").arg(0).arg(MOST);
        let mut names: Vec<String> = self.ask(command).await?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        names.sort_unstable();
        let mut pipeline = redis::pipe();
        for name in &names {
            pipeline.cmd("HMGET").arg(self.keys.budget(name)).arg(Bucket::FIELDS);
        }
        let states: Vec<Vec<Option<f64>>> = self.pipe(pipeline).await?;
        // One that has expired since is full again, and not in use.
        let buckets = names.into_iter().zip(states);
        Ok(buckets.filter_map(|(name, state)| Bucket::read(name, &state, now)).collect())
    }

    /// How much came and went.
    ///
    /// # Errors
    /// Redis.
    pub async fn flow(&self) -> Result<FlowCounts, QueueError> {
        let now = self.now().await?.as_secs();
        let mut pipeline = redis::pipe();
        for hour in FlowCounts::hours(now) {
            pipeline.cmd("HGETALL").arg(self.keys.flow(hour));
        }
        let hours: Vec<Vec<(String, u64)>> = self.pipe(pipeline).await?;
        let mut counts = FlowCounts { now, ..FlowCounts::default() };
        for (hour, fields) in FlowCounts::hours(now).zip(hours) {
            counts.add(hour, &fields);
        }
        Ok(counts)
    }

    /// Redis' clock.
    async fn now(&self) -> Result<Duration, QueueError> {
        let (seconds, micros): (u64, u64) = self.ask(redis::cmd("TIME")).await?;
        Ok(Duration::from_secs(seconds) + Duration::from_micros(micros))
    }

    async fn ask<T: redis::FromRedisValue>(&self, command: redis::Cmd) -> Result<T, QueueError> {
        let ask = |mut redis| async move { command.query_async(&mut redis).await };
        self.link.call_within(self.limit, ask).await
    }

    async fn pipe<T: redis::FromRedisValue>(
        &self,
        pipeline: redis::Pipeline,
    ) -> Result<T, QueueError> {
        let ask = |mut redis| async move { pipeline.query_async(&mut redis).await };
        self.link.call_within(self.limit, ask).await
    }
}
