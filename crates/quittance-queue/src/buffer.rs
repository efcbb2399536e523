//! Buffer of prefetched jobs, by lane, and which job is next.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::job::{Delivery, JobId, Lane};

/// For how long after the last live job the next one is expected.
const EXPECTED: Duration = Duration::from_secs(5);

/// Jobs fetched ahead. Each lane has room of its own, so that a full one cannot block the other.
#[derive(Debug)]
pub(super) struct Buffer {
    capacity: usize,
    live_share: u8,
    /// The most jobs of the backfill that run at once while live ones are expected. A running job is not
    /// interrupted, so `live_share` alone would not help a live job that finds every slot busy.
    backfill_at_once: usize,
    inner: Mutex<Inner>,
    room: [Notify; 2],
}

#[derive(Debug, Default)]
struct Inner {
    lanes: [VecDeque<Delivery>; 2],
    /// What live jobs have not had of their share, in tenths of a turn.
    credit: u8,
    waker: Option<Waker>,
    /// Lanes that take no jobs in.
    paused: [bool; 2],
    /// Jobs that left the buffer and have not ended.
    running: [usize; 2],
    /// When the last live job came.
    live_at: Option<Instant>,
    closed: bool,
}

/// The slot of a running job, until this is dropped.
pub(super) struct Place {
    buffer: Arc<Buffer>,
    lane: Lane,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.buffer.lock();
        let running = &mut inner.running[self.lane.index()];
        *running = running.saturating_sub(1);
        inner.wake();
    }
}

impl Buffer {
    /// `live_share`: of ten jobs that leave while both lanes wait, how many are live; 1 to 9.
    pub(super) fn new(capacity: usize, live_share: u8, backfill_at_once: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            live_share: live_share.clamp(1, 9),
            backfill_at_once: backfill_at_once.max(1),
            inner: Mutex::default(),
            room: [Notify::new(), Notify::new()],
        }
    }

    /// Adds fetched jobs; those of a paused lane come back.
    #[must_use]
    pub(super) fn push(&self, lane: Lane, jobs: Vec<Delivery>) -> Vec<Delivery> {
        self.add(lane, jobs, |lane, jobs| lane.extend(jobs))
    }

    /// Adds jobs before all others; those of a paused lane come back.
    #[must_use]
    pub(super) fn push_first(&self, lane: Lane, jobs: Vec<Delivery>) -> Vec<Delivery> {
        self.add(lane, jobs, |lane, jobs| {
            for job in jobs.into_iter().rev() {
                lane.push_front(job);
            }
        })
    }

    /// Begins or ends the pause of a lane; answers the jobs of one that is paused.
    #[must_use]
    pub(super) fn set_paused(&self, lane: Lane, paused: bool) -> Vec<Delivery> {
        let mut inner = self.lock();
        inner.paused[lane.index()] = paused;
        if !paused {
            return Vec::new();
        }
        self.room[lane.index()].notify_one();
        inner.lanes[lane.index()].drain(..).collect()
    }

    /// Waits until half of the lane's room is free, so that fetches are worth their round trip, and
    /// says how much is.
    pub(super) async fn room(&self, lane: Lane) -> usize {
        loop {
            let waiting = self.lock().lanes[lane.index()].len();
            if waiting <= self.capacity / 2 {
                return self.capacity - waiting;
            }
            self.room[lane.index()].notified().await;
        }
    }

    /// Room for jobs that are taken over. They get as much again as fetched ones, because a busy
    /// worker's own room is always full.
    pub(super) fn spare(&self, lane: Lane) -> usize {
        (2 * self.capacity).saturating_sub(self.lock().lanes[lane.index()].len())
    }

    /// Drops jobs that another worker took over.
    pub(super) fn remove(&self, lane: Lane, ids: &HashSet<JobId>) {
        self.lock().lanes[lane.index()].retain(|job| !ids.contains(&job.id));
        self.room[lane.index()].notify_one();
    }

    /// Ends the stream of jobs; answers those that are left.
    pub(super) fn close(&self) -> Vec<Delivery> {
        let mut inner = self.lock();
        inner.closed = true;
        let rest = inner.lanes.iter_mut().flat_map(|lane| lane.drain(..)).collect();
        inner.wake();
        rest
    }

    /// The slot of a job that left the buffer, to be kept while it runs.
    pub(super) fn place(self: &Arc<Self>, lane: Lane) -> Place {
        Place { buffer: Arc::clone(self), lane }
    }

    /// The next job; `None` once closed.
    pub(super) fn poll_take(&self, context: &Context<'_>) -> Poll<Option<Delivery>> {
        let mut inner = self.lock();
        if inner.closed {
            return Poll::Ready(None);
        }
        let Some(lane) = inner.next_lane(self.live_share, self.backfill_at_once) else {
            inner.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        let job = inner.lanes[lane.index()].pop_front();
        inner.running[lane.index()] += usize::from(job.is_some());
        if inner.lanes[lane.index()].len() == self.capacity / 2 {
            self.room[lane.index()].notify_one();
        }
        Poll::Ready(job)
    }

    fn add(
        &self,
        lane: Lane,
        jobs: Vec<Delivery>,
        add: impl FnOnce(&mut VecDeque<Delivery>, Vec<Delivery>),
    ) -> Vec<Delivery> {
        let mut inner = self.lock();
        if inner.paused[lane.index()] {
            return jobs;
        }
        if lane == Lane::Live && !jobs.is_empty() {
            inner.live_at = Some(Instant::now());
        }
        add(&mut inner.lanes[lane.index()], jobs);
        inner.wake();
        Vec::new()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn next_lane(&mut self, live_share: u8, backfill_at_once: usize) -> Option<Lane> {
        let expected = self.live_at.is_some_and(|at| at.elapsed() < EXPECTED);
        let is_full = expected && self.running[Lane::Backfill.index()] >= backfill_at_once;
        match (self.lanes[0].is_empty(), self.lanes[1].is_empty() || is_full) {
            (true, true) => None,
            (false, true) => Some(Lane::Live),
            (true, false) => Some(Lane::Backfill),
            (false, false) => {
                self.credit += live_share;
                if self.credit < 10 {
                    return Some(Lane::Backfill);
                }
                self.credit -= 10;
                Some(Lane::Live)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::job::{Job, JobMeta};
    use super::*;

    /// Enough that no lane is kept from any.
    const MANY: usize = 10_000;

    fn job(lane: Lane, n: usize) -> Delivery {
        let id = JobId::new(format!("{n}-0"));
        let meta = JobMeta::decode(b"{}", &id);
        Delivery { id, lane, job: Job { meta, body: Bytes::new() }, deliveries: 0 }
    }

    fn put(buffer: &Buffer, lane: Lane, numbers: std::ops::Range<usize>) {
        assert_eq!(buffer.push(lane, numbers.map(|n| job(lane, n)).collect()), []);
    }

    fn take(buffer: &Buffer) -> Option<Delivery> {
        match buffer.poll_take(&Context::from_waker(Waker::noop())) {
            Poll::Ready(job) => job,
            Poll::Pending => None,
        }
    }

    #[test]
    fn while_both_lanes_wait_live_jobs_get_their_share_of_every_ten() {
        for share in 1..=9 {
            let buffer = Buffer::new(100, share, MANY);
            for lane in Lane::ALL {
                put(&buffer, lane, 0..100);
            }
            let first: Vec<_> = (0..100).filter_map(|_| take(&buffer)).collect();
            for ten in first.chunks(10).take(10) {
                let live = ten.iter().filter(|job| job.lane == Lane::Live).count();
                if buffer.lock().lanes.iter().all(|lane| !lane.is_empty()) {
                    assert_eq!(live, usize::from(share));
                }
            }
        }
    }

    #[test]
    fn a_lane_that_waits_alone_gets_every_turn() {
        for lane in Lane::ALL {
            let buffer = Buffer::new(10, 8, MANY);
            put(&buffer, lane, 0..10);
            assert_eq!((0..20).filter_map(|_| take(&buffer)).count(), 10);
        }
    }

    #[test]
    fn jobs_taken_over_come_first_and_in_their_order() {
        let buffer = Buffer::new(10, 8, MANY);
        put(&buffer, Lane::Live, 9..10);
        let first = vec![job(Lane::Live, 1), job(Lane::Live, 2)];
        assert_eq!(buffer.push_first(Lane::Live, first), []);
        let order: Vec<_> =
            (0..3).filter_map(|_| take(&buffer)).map(|job| job.id.millis()).collect();
        assert_eq!(order, [1, 2, 9]);
    }

    #[test]
    fn a_closed_buffer_hands_out_nothing_and_gives_up_the_rest() {
        let buffer = Buffer::new(10, 8, MANY);
        put(&buffer, Lane::Backfill, 1..2);
        assert_eq!(buffer.close().len(), 1);
        assert!(take(&buffer).is_none());
    }

    #[test]
    fn a_paused_lane_gives_up_its_jobs_and_takes_none_and_the_other_goes_on() {
        let buffer = Buffer::new(10, 8, MANY);
        for lane in Lane::ALL {
            put(&buffer, lane, 0..3);
        }
        assert_eq!(buffer.set_paused(Lane::Live, true).len(), 3);
        assert_eq!(buffer.push(Lane::Live, vec![job(Lane::Live, 4)]).len(), 1);
        assert_eq!(buffer.push_first(Lane::Live, vec![job(Lane::Live, 5)]).len(), 1);
        let lanes: Vec<_> = (0..9).filter_map(|_| take(&buffer)).map(|job| job.lane).collect();
        assert_eq!(lanes, [Lane::Backfill; 3]);
        assert_eq!(buffer.set_paused(Lane::Live, false), []);
        put(&buffer, Lane::Live, 6..7);
        assert!(take(&buffer).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn while_live_jobs_are_expected_a_backfill_leaves_them_their_places() {
        let buffer = Arc::new(Buffer::new(100, 8, 4));
        put(&buffer, Lane::Backfill, 0..60);
        let takes = |count: usize| (0..count).filter_map(|_| take(&buffer)).count();
        assert_eq!(takes(10), 10, "the live lane is empty");
        let places: Vec<_> = (0..10).map(|_| buffer.place(Lane::Backfill)).collect();

        put(&buffer, Lane::Live, 0..1);
        assert_eq!(take(&buffer).map(|job| job.lane), Some(Lane::Live));
        assert_eq!(takes(1), 0, "ten run, and four would be allowed");
        drop(places);
        assert_eq!(takes(10), 4);
        drop(buffer.place(Lane::Backfill));
        assert_eq!(takes(10), 1, "one has ended");

        tokio::time::advance(EXPECTED).await;
        assert_eq!(takes(10), 10, "none has come for a while");
    }
}
