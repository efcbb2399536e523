//! The marker: how a loss of Redis' data is noticed.
//!
//! A hash in Redis says which epoch the queue is in, which groups were created in it and how many jobs
//! wait for a retry. When what is there does not fit the marker, or there is none, jobs may have been
//! lost, and a new epoch begins (`establish.lua`). That the epoch has changed is found
//! by the worker, which compares it with a copy in Postgres: the queue knows Redis alone.

use std::time::Duration;

use redis::FromRedisValue;
use redis::aio::MultiplexedConnection;
use uuid::Uuid;

use super::connection::Link;
use super::error::QueueError;
use super::job::Lane;
use super::keys::{GROUP, Keys};
use super::scripts;
use quittance_config as config;

/// The most jobs that are read to see how old the oldest one is.
const MOST_READ: usize = 200;

/// State of the marker, compared with what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkerState {
    /// The epoch; none where there is no marker.
    pub epoch: Option<String>,
    /// What was missing when the epoch began, or is missing now.
    pub missing: Missing,
    /// How often the marker was checked: a Redis that went back in time shows fewer than before. None
    /// where that could not be counted, because Redis is full.
    pub beat: Option<i64>,
    /// Everything that was received before is finished, in Unix milliseconds. None where too many jobs
    /// wait to look, and where it was not asked for.
    pub finished_until_ms: Option<i64>,
    /// Whether it is now that a part is missing, which no worker has made anew.
    pub missing_now: bool,
    /// Whether the epoch began with this look.
    pub(super) began: bool,
}

impl MarkerState {
    /// A state as a look would show it, for tests of what is made of it.
    #[must_use]
    pub fn seen(
        epoch: Option<&str>,
        missing: Missing,
        beat: Option<i64>,
        missing_now: bool,
    ) -> Self {
        let epoch = epoch.map(str::to_owned);
        Self { epoch, missing, beat, finished_until_ms: None, missing_now, began: false }
    }
}

/// Parts of the queue that are missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missing(Vec<String>);

impl Missing {
    fn read(words: &str) -> Self {
        Self(words.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }

    /// Whether it is known what is missing.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.0.is_empty()
    }

    /// For people: "the live lane and the jobs that waited for a retry".
    #[must_use]
    pub fn text(&self) -> String {
        let words = self.0.iter().map(|word| match word.as_str() {
            "delayed" => "the jobs that waited for a retry".to_owned(),
            lane => format!("the {lane} lane"),
        });
        words.collect::<Vec<_>>().join(" and ")
    }
}

/// Permission of a check of the marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing but look.
    Look,
    /// Make what is missing.
    Ensure,
    /// The same, and count it.
    Check,
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Ensure => "ensure",
            Self::Check => "check",
        }
    }
}

type Answer = (String, String, i64, i64, u8, u8);

/// Calls the script.
pub(super) async fn establish(
    redis: MultiplexedConnection,
    keys: &Keys,
    mode: Mode,
) -> redis::RedisResult<redis::Value> {
    let keys = (scripts::ESTABLISH.keys)(keys, Lane::Live, "");
    let (epoch, most) = (Uuid::new_v4().simple().to_string(), MOST_READ.to_string());
    let fixed = [GROUP, mode.as_str(), &*epoch, &*most];
    scripts::ESTABLISH.call(redis, keys, &fixed, scripts::NO_MORE).await
}

/// Reads its answer.
pub(super) fn read(answer: redis::Value) -> Result<MarkerState, QueueError> {
    let answer = Answer::from_redis_value(answer);
    let (epoch, missing, beat, until, began, missing_now) =
        answer.map_err(|_| QueueError::Reply("the marker"))?;
    Ok(MarkerState {
        epoch: Some(epoch).filter(|epoch| !epoch.is_empty()),
        missing: Missing::read(&missing),
        beat: Some(beat).filter(|beat| *beat > 0),
        finished_until_ms: Some(until).filter(|until| *until >= 0),
        missing_now: missing_now == 1,
        began: began == 1,
    })
}

/// Checks the marker, again and again. Clones share one connection, which is opened by the first call.
#[derive(Clone)]
pub struct MarkerCheck {
    link: Link,
    keys: Keys,
    name: String,
    limit: Duration,
}

impl MarkerCheck {
    /// Reads the settings; connects with the first call.
    ///
    /// # Errors
    /// [`QueueError::Url`].
    pub fn new(redis: &config::Redis, queue: &config::Queue) -> Result<Self, QueueError> {
        let limit = redis.command_timeout;
        let link = Link::new("marker", redis, limit, None)?;
        Ok(Self { link, keys: Keys::new(&queue.name), name: queue.name.clone(), limit })
    }

    /// The queue's name.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.name
    }

    /// Looks whether all of the queue is there, makes what is missing, and counts the look.
    ///
    /// # Errors
    /// Class `Unavailable` when Redis does not answer in time.
    pub async fn check(&self) -> Result<MarkerState, QueueError> {
        let keys = &self.keys;
        let call = |redis| async move { establish(redis, keys, Mode::Check).await };
        read(self.link.call_within(self.limit, call).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_words() {
        let text = Missing::read("live,delayed").text();
        assert_eq!(text, "the live lane and the jobs that waited for a retry");
        assert!(!Missing::read("").is_known());
    }
}
