//! The slots that attempts run in: [`AdaptiveLimit`] as something to wait for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::limit::{AdaptiveLimit, AttemptEnd, Began};

/// Slots of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Slots(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    limit: AdaptiveLimit,
    running: usize,
    /// The attempts that wait, in the order in which they came. While there are any, all slots are taken.
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

/// The right to run one attempt, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    began: Began,
    end: AttemptEnd,
}

impl Slots {
    /// As many as `most`; fewer where attempts time out.
    pub(super) fn new(most: usize, timeout: Duration) -> Self {
        let limit = AdaptiveLimit::new(most, timeout);
        Self(Arc::new(Mutex::new(State { limit, running: 0, waiting: VecDeque::new() })))
    }

    /// How many attempts may run at once now.
    pub(super) fn limit(&self) -> usize {
        self.lock().limit.limit()
    }

    /// Waits for a slot. They are given in the order in which they were asked for.
    pub(super) async fn take(&self) -> Slot {
        loop {
            let given = {
                let mut state = self.lock();
                if state.waiting.is_empty() && state.has_room() {
                    return self.give(&mut state);
                }
                let (give, given) = oneshot::channel();
                state.waiting.push_back(give);
                given
            };
            if let Ok(slot) = given.await {
                return slot;
            }
        }
    }

    fn give(&self, state: &mut State) -> Slot {
        state.running += 1;
        Slot { slots: self.clone(), began: state.limit.begin(), end: AttemptEnd::Unknown }
    }

    /// Gives free slots to the attempts that wait.
    fn give_free(&self) {
        let mut given = Vec::new();
        let mut state = self.lock();
        while state.has_room() {
            let Some(next) = state.waiting.pop_front() else { break };
            if !next.is_closed() {
                given.push((next, self.give(&mut state)));
            }
        }
        // Whoever has gone meanwhile gives the slot back, which takes the lock again.
        drop(state);
        for (next, slot) in given {
            drop(next.send(slot));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.running < self.limit.limit()
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
        let busy = !state.has_room();
        state.running = state.running.saturating_sub(1);
        state.limit.end(self.began, self.end, busy);
        drop(state);
        self.slots.give_free();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn who_comes_later_does_not_pass_who_waits() {
        let slots = Slots::new(1, Duration::from_secs(10));
        let running = slots.take().await;
        let mut first = Box::pin(slots.take());
        assert!(first.as_mut().now_or_never().is_none(), "it is taken");
        let mut gone = Box::pin(slots.take());
        assert!(gone.as_mut().now_or_never().is_none());
        drop(gone);
        drop(running);
        assert!(slots.take().now_or_never().is_none(), "it is promised");
        let first = first.now_or_never().expect("it is given to the first");
        drop(first);
        assert!(
            slots.take().now_or_never().is_some(),
            "an attempt that has ended does not keep it"
        );
    }

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
