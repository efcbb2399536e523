//! One budget of requests for all workers: token buckets in Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::connection::Link;
use super::error::QueueError;
use super::job::Lane;
use super::keys::Keys;
use super::scripts::{self, NO_MORE};
use quittance_config as config;

/// Token buckets that all workers share, on Redis' clock. In any window of `t` seconds a bucket gives
/// at most `rate * t + burst` tokens, where the burst is a fifth of a second's worth: Stripe counts
/// by the second, and a burst comes on top of the rate.
#[derive(Clone)]
pub struct Limiter {
    link: Link,
    keys: Keys,
    limit: Duration,
    /// In microseconds; none: Redis' clock.
    time: Option<Arc<AtomicU64>>,
}

/// A wait for tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenWait {
    /// How long, before asking again.
    pub time: Duration,
    /// The place among those who wait, to be shown when asking again. Who has none waits behind all who
    /// have one.
    pub place: u64,
}

impl Limiter {
    /// Reads the settings; connects with the first call.
    ///
    /// # Errors
    /// [`QueueError::Url`].
    pub fn new(redis: &config::Redis, queue: &config::Queue) -> Result<Self, QueueError> {
        let limit = redis.command_timeout;
        let link = Link::new("limiter", redis, limit, None)?;
        Ok(Self { link, keys: Keys::new(&queue.name), limit, time: None })
    }

    /// The same by a clock that a test sets, in microseconds.
    #[must_use]
    pub fn by_clock(self, time: Arc<AtomicU64>) -> Self {
        Self { time: Some(time), ..self }
    }

    /// Takes a token of each of the buckets, which are given with their tokens a second, or none of
    /// any. `None`: go. `Some`: one of them has none; ask again after that time with the place that is
    /// given, or give up where it is longer than `patience`: then no place was taken.
    ///
    /// # Errors
    /// Class `Unavailable` when Redis does not answer in time.
    pub async fn take(
        &self,
        buckets: &[(&str, u32)],
        patience: Duration,
        place: Option<u64>,
    ) -> Result<Option<TokenWait>, QueueError> {
        let mut keys: Vec<_> = buckets.iter().map(|(name, _)| self.keys.budget(name)).collect();
        keys.push(self.keys.budgets().to_owned());
        let place = place.map(|place| place.to_string()).unwrap_or_default();
        let patience = patience.as_micros().to_string();
        let time = self.time.as_ref().map(|time| time.load(Ordering::Relaxed).to_string());
        let time = time.unwrap_or_default();
        let mut each = Vec::with_capacity(buckets.len() * 3);
        for (name, per_second) in buckets {
            let rate = (*per_second).max(1);
            each.extend([rate.to_string(), burst(rate).to_string(), (*name).to_owned()]);
        }
        let (wait, place): (u64, u64) = self
            .link
            .call_within(self.limit, |redis| async move {
                scripts::BUDGET_TAKE.call(redis, keys, &[&*place, &*patience, &*time], &each).await
            })
            .await?;
        Ok((wait > 0).then(|| TokenWait { time: Duration::from_micros(wait), place }))
    }

    /// After a 429: halves the bucket's rate, which grows back within 30 s. Answers that come within
    /// one second count as one, since requests in flight are limited together.
    ///
    /// # Errors
    /// Class `Unavailable` when Redis does not answer in time.
    pub async fn slow_down(&self, bucket: &str) -> Result<(), QueueError> {
        let keys = (scripts::BUDGET_SLOW.keys)(&self.keys, Lane::Live, bucket);
        let _halved: i64 = self
            .link
            .call_within(self.limit, |redis| async move {
                scripts::BUDGET_SLOW.call(redis, keys, &[], NO_MORE).await
            })
            .await?;
        Ok(())
    }
}

/// The capacity of a bucket.
fn burst(rate: u32) -> u32 {
    rate.div_ceil(5)
}
