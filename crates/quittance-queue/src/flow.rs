//! Counts of the jobs that arrive and finish, minute by minute, kept in Redis.
//!
//! Counting never delays a job: a process adds up its counts and sends them once a second. A
//! process that is killed takes the last second of its counts with it; nothing is decided by them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;

use super::connection::Link;
use super::error::QueueError;
use super::keys::Keys;
use quittance_config as config;

/// Time for which counts are added up before they are sent.
const GATHER: Duration = Duration::from_secs(1);
/// Retention of an hour's counts: a day, and what is left of the hour in which it began.
const KEEP: Duration = Duration::from_secs(26 * 3600);
/// Minutes that are kept for a Redis that does not answer.
const MOST_UNSENT: usize = 120;
const MINUTE: u64 = 60;
const HOUR: u64 = 60;

/// Stage of a job that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// It was put on the queue.
    Arrived,
    /// It is finished, and gone from the queue.
    Finished,
}

impl Way {
    fn letter(self) -> &'static str {
        match self {
            Self::Arrived => "a",
            Self::Finished => "f",
        }
    }
}

/// Counts. Clones share the counts.
#[derive(Clone)]
pub(super) struct Flow(Arc<Inner>);

struct Inner {
    /// A connection of its own: what goes wrong with a count must not touch the work.
    link: Link,
    keys: Keys,
    limit: Duration,
    unsent: Mutex<Unsent>,
}

#[derive(Default)]
struct Unsent {
    counts: BTreeMap<(u64, Way), u64>,
    /// A task is going to send them.
    scheduled: bool,
}

impl Flow {
    pub(super) fn new(redis: &config::Redis, queue: &config::Queue) -> Result<Self, QueueError> {
        let limit = redis.command_timeout;
        let link = Link::new("counts", redis, limit, None)?;
        let keys = Keys::new(&queue.name);
        Ok(Self(Arc::new(Inner { link, keys, limit, unsent: Mutex::default() })))
    }

    /// Counts jobs.
    pub(super) fn count(&self, way: Way, jobs: usize) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let minute = since.as_secs() / MINUTE;
        let mut unsent = self.lock();
        *unsent.counts.entry((minute, way)).or_default() += u64::try_from(jobs).unwrap_or(0);
        if !unsent.scheduled {
            unsent.scheduled = true;
            let flow = self.clone();
            tokio::spawn(async move {
                sleep(GATHER).await;
                flow.send().await;
            });
        }
    }

    /// Sends the counts now.
    pub(super) async fn send(&self) {
        let counts = {
            let mut unsent = self.lock();
            unsent.scheduled = false;
            std::mem::take(&mut unsent.counts)
        };
        if counts.is_empty() {
            return;
        }
        let mut pipeline = redis::pipe();
        // As one step: if half of them were written and all sent again, some would count twice.
        pipeline.atomic();
        for ((minute, way), jobs) in &counts {
            let key = self.0.keys.flow(minute / HOUR);
            let field = format!("{}{}", way.letter(), minute % HOUR);
            pipeline.cmd("HINCRBY").arg(&key).arg(field).arg(*jobs).ignore();
            pipeline.cmd("PEXPIRE").arg(&key).arg(KEEP.as_millis().to_string()).ignore();
        }
        let sent: Result<(), _> =
            self.0
                .link
                .call_within(self.0.limit, |mut redis| async move {
                    pipeline.query_async(&mut redis).await
                })
                .await;
        if let Err(error) = sent {
            tracing::debug!(error = error.chain(), "counts could not be told; they are kept");
            let mut unsent = self.lock();
            for (of, jobs) in counts {
                *unsent.counts.entry(of).or_default() += jobs;
            }
            while unsent.counts.len() > MOST_UNSENT {
                unsent.counts.pop_first();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Unsent> {
        self.0.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Number of jobs that came and went within one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MinuteCount {
    /// Jobs that were put on the queue, redeliveries and manual retries included.
    pub arrived: u64,
    /// Jobs that were finished.
    pub finished: u64,
}

/// The counts of the last 25 hours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowCounts {
    /// Redis' clock, in Unix seconds.
    pub now: u64,
    /// By the minute of Unix time. A minute in which nothing happened may be missing.
    pub minutes: BTreeMap<u64, MinuteCount>,
}

impl FlowCounts {
    /// The hours whose keys [`Self::add`] wants, the running one last.
    pub(super) fn hours(now: u64) -> std::ops::RangeInclusive<u64> {
        let hour = now / MINUTE / HOUR;
        hour.saturating_sub(24)..=hour
    }

    /// Adds what the key of an hour holds.
    pub(super) fn add(&mut self, hour: u64, fields: &[(String, u64)]) {
        for (field, jobs) in fields {
            let Some((letter, minute)) = field.split_at_checked(1) else { continue };
            let Ok(minute) = minute.parse::<u64>() else { continue };
            let count = self.minutes.entry(hour * HOUR + minute).or_default();
            if letter == Way::Arrived.letter() {
                count.arrived += jobs;
            } else if letter == Way::Finished.letter() {
                count.finished += jobs;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_an_hour_is_read_and_what_is_unknown_in_it_is_passed_over() {
        let mut counts = FlowCounts::default();
        let field = |name: &str, jobs| (name.to_owned(), jobs);
        counts.add(2, &[field("a0", 5), field("f59", 3), field("x1", 9), field("ä", 9)]);
        assert_eq!(counts.minutes[&120], MinuteCount { arrived: 5, finished: 0 });
        assert_eq!(counts.minutes[&179], MinuteCount { arrived: 0, finished: 3 });
    }
}
