//! Depth of the queue.

use std::time::Duration;

use super::connection::Link;
use super::error::QueueError;
use super::job::Lane;
use super::keys::{GROUP, Keys, UNASSIGNED};
use super::scripts::{self, NO_MORE};

/// Depth of the queue, lane by lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// The lane of live webhooks.
    pub live: LaneDepth,
    /// The lane of backfilled events.
    pub backfill: LaneDepth,
    /// Jobs that wait for a later retry, of both lanes.
    pub delayed: u64,
}

/// Depth of one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneDepth {
    /// Jobs that no worker has claimed: new, or returned.
    pub waiting: u64,
    /// Jobs that workers have claimed: prefetched, running, or waiting for their acknowledgement.
    pub in_hand: u64,
    /// Age of the oldest unfinished job, by Redis' clock.
    pub oldest: Option<Duration>,
}

impl Depth {
    /// One lane.
    #[must_use]
    pub fn lane(&self, lane: Lane) -> LaneDepth {
        match lane {
            Lane::Live => self.live,
            Lane::Backfill => self.backfill,
        }
    }

    /// Jobs of all kinds that are not finished.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.live.waiting
            + self.live.in_hand
            + self.backfill.waiting
            + self.backfill.in_hand
            + self.delayed
    }

    /// Age of the oldest unfinished job of all lanes, by Redis' clock; those that wait for their
    /// retry are not counted. Zero when there is none.
    #[must_use]
    pub fn oldest_age(&self) -> Duration {
        self.live.oldest.max(self.backfill.oldest).unwrap_or_default()
    }

    /// Reads the answer of `depth.lua`.
    fn from_counts(counts: &[i64]) -> Option<Self> {
        let &[l1, l2, l3, b1, b2, b3, delayed] = counts else { return None };
        Some(Self {
            live: LaneDepth::new(l1, l2, l3),
            backfill: LaneDepth::new(b1, b2, b3),
            delayed: u64::try_from(delayed).unwrap_or_default(),
        })
    }
}

/// Counts the queue, at one instant.
pub(super) async fn read(link: &Link, keys: &Keys, limit: Duration) -> Result<Depth, QueueError> {
    let keys = (scripts::DEPTH.keys)(keys, Lane::Live, "");
    let counts: Vec<i64> = link
        .call_within(limit, |redis| async move {
            scripts::DEPTH.call(redis, keys, &[GROUP, UNASSIGNED], NO_MORE).await
        })
        .await?;
    Depth::from_counts(&counts).ok_or(QueueError::Reply("the counts"))
}

impl LaneDepth {
    fn new(waiting: i64, in_hand: i64, age: i64) -> Self {
        Self {
            waiting: u64::try_from(waiting).unwrap_or_default(),
            in_hand: u64::try_from(in_hand).unwrap_or_default(),
            // A negative age says that there is no job.
            oldest: u64::try_from(age).ok().map(Duration::from_millis),
        }
    }
}
