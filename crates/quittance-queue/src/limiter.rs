//! One budget of requests for all workers: token buckets in Redis.

use std::time::Duration;

use super::connection::Link;
use super::error::QueueError;
use super::job::Lane;
use super::keys::Keys;
use super::producer::NO_MORE;
use super::scripts;
use crate::config;

/// Token buckets that all workers share, on Redis' clock. In any window of `t` seconds a bucket gives
/// at most `rate * t + burst` tokens, where the burst is a fifth of a second's worth: Stripe counts
/// by the second, and a burst comes on top of the rate.
#[derive(Clone)]
pub struct Limiter {
    link: Link,
    keys: Keys,
    limit: Duration,
}

impl Limiter {
    /// Reads the settings; connects with the first call.
    ///
    /// # Errors
    /// [`QueueError::Url`].
    pub fn new(redis: &config::Redis, queue: &config::Queue) -> Result<Self, QueueError> {
        let limit = redis.command_timeout;
        let link = Link::new("limiter", redis, limit, None)?;
        Ok(Self { link, keys: Keys::new(&queue.name), limit })
    }

    /// Takes a token of each of the buckets, which are given with their tokens a second, or none of
    /// any. `None`: go. `Some`: one of them has none; ask again after that time, which differs from
    /// caller to caller, so that they do not all come back at once.
    ///
    /// # Errors
    /// Class `Unavailable` when Redis does not answer in time.
    pub async fn take(&self, buckets: &[(&str, u32)]) -> Result<Option<Duration>, QueueError> {
        let mut keys: Vec<_> = buckets.iter().map(|(name, _)| self.keys.budget(name)).collect();
        keys.push(self.keys.budgets().to_owned());
        let mut each = Vec::with_capacity(buckets.len() * 3);
        for (name, per_second) in buckets {
            let rate = (*per_second).max(1);
            each.extend([rate.to_string(), burst(rate).to_string(), (*name).to_owned()]);
        }
        let wait: u64 = self
            .link
            .call_within(self.limit, |redis| async move {
                scripts::BUDGET_TAKE.call(redis, keys, &[], &each).await
            })
            .await?;
        Ok((wait > 0).then(|| Duration::from_micros(wait)))
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
