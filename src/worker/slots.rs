//! The slots that attempts run in: [`AdaptiveLimit`] as something to wait for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::limit::{AdaptiveLimit, AttemptEnd, Began};

/// Slots of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Slots(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: AdaptiveLimit,
    running: usize,
}

/// The right to run one attempt, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    began: Began,
    end: AttemptEnd,
}

impl Slots {
    /// As many as `most`; fewer where attempts come near `timeout`.
    pub(super) fn new(most: usize, timeout: Duration) -> Self {
        let state = State { limit: AdaptiveLimit::new(most, timeout), running: 0 };
        Self(Arc::new(Inner { state: Mutex::new(state), freed: Notify::new() }))
    }

    /// How many attempts may run at once now.
    pub(super) fn limit(&self) -> usize {
        self.lock().limit.limit()
    }

    /// Waits for a slot. They are given in the order in which they were asked for.
    pub(super) async fn take(&self) -> Slot {
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            // Registered before looking, so that what is freed in between is not missed.
            freed.as_mut().enable();
            if let Some(slot) = self.try_take() {
                // There may be more than one, and a notification wakes one alone.
                self.wake_next();
                return slot;
            }
            freed.await;
        }
    }

    fn try_take(&self) -> Option<Slot> {
        let mut state = self.lock();
        if state.running >= state.limit.limit() {
            return None;
        }
        state.running += 1;
        let began = state.limit.begin();
        Some(Slot { slots: self.clone(), began, end: AttemptEnd::Unknown })
    }

    fn wake_next(&self) {
        let state = self.lock();
        if state.running < state.limit.limit() {
            self.0.freed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Says how the attempt ended, and frees the slot.
    pub(super) fn ended(mut self, end: AttemptEnd) {
        self.end = end;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.slots.lock();
        let busy = state.running >= state.limit.limit();
        state.running = state.running.saturating_sub(1);
        state.limit.end(self.began, self.end, busy);
        drop(state);
        self.slots.wake_next();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn no_more_run_than_the_limit_allows_and_who_waits_gets_what_is_freed() {
        let slots = Slots::new(4, Duration::from_secs(10));
        let mut running: Vec<_> =
            (0..4).map(|_| slots.take().now_or_never().expect("there is one")).collect();
        assert!(slots.take().now_or_never().is_none(), "all are taken");

        // Two time out: two may run from now on, and two do.
        for slot in running.drain(..2) {
            slot.ended(AttemptEnd::TimedOut);
        }
        assert_eq!(slots.limit(), 2);
        assert!(slots.take().now_or_never().is_none());
        let waiting = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take().await }
        });
        tokio::task::yield_now().await;
        drop(running.pop());
        let slot = waiting.await.expect("it is woken");
        assert!(slots.take().now_or_never().is_none(), "two run");
        drop((slot, running));
        assert!(slots.take().now_or_never().is_some());
    }
}
