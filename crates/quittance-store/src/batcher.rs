//! A batcher: questions that arrive while a call is in flight share the next call.
//!
//! It is generic over questions and answers, and never waits for more questions: without a call in flight, a
//! question is sent at once, by itself; those that arrive during a call share the next one, and many of them a
//! second one at the same time. So an idle system is as fast as without it, and a busy one does more with each
//! round trip.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

/// The call. It answers each question itself, possibly after its future has ended; the next call is made when the
/// future ends.
type Call<Q, A> = dyn Fn(Vec<Asked<Q, A>>) -> BoxFuture<'static, ()> + Send + Sync;

/// A question, and the channel on which its caller waits for the answer.
pub(super) struct Asked<Q, A> {
    pub(super) question: Q,
    answer: oneshot::Sender<A>,
}

impl<Q, A> Asked<Q, A> {
    pub(super) fn answer(self, answer: A) {
        // A caller that no longer waits has timed out.
        let _ = self.answer.send(answer);
    }
}

/// Limits of a batcher.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Most calls in flight.
    pub(super) at_once: usize,
    /// Waiting questions from which on a further call is made while one is in flight.
    pub(super) beside_at: usize,
    /// Most questions in one call.
    pub(super) most: usize,
}

/// Batcher of questions: one call for many of them. Clones share calls.
pub(super) struct Batcher<Q, A>(Arc<Inner<Q, A>>);

struct Inner<Q, A> {
    call: Box<Call<Q, A>>,
    limits: Limits,
    state: Mutex<State<Q, A>>,
}

struct State<Q, A> {
    waiting: VecDeque<Asked<Q, A>>,
    /// Calls in flight.
    running: usize,
}

impl<Q, A> Clone for Batcher<Q, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q: Send + 'static, A: Send + 'static> Batcher<Q, A> {
    pub(super) fn new(
        limits: Limits,
        call: impl Fn(Vec<Asked<Q, A>>) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        let state = Mutex::new(State { waiting: VecDeque::new(), running: 0 });
        Self(Arc::new(Inner { call: Box::new(call), limits, state }))
    }

    /// Asks a question, alone or in a batch. `None`: its call ended without an answer, which only a panic or the end
    /// of the runtime can cause.
    ///
    /// Dropping the future does not cancel the call.
    pub(super) async fn ask(&self, question: Q) -> Option<A> {
        let (answer, answered) = oneshot::channel();
        let starts = {
            let mut state = self.0.lock();
            state.waiting.push_back(Asked { question, answer });
            let starts = self.0.limits.another(&state);
            state.running += usize::from(starts);
            starts
        };
        if starts {
            // A task of its own, because the call serves other callers, too.
            tokio::spawn(Turn { inner: Some(Arc::clone(&self.0)) }.run());
        }
        answered.await.ok()
    }
}

impl<Q, A> Inner<Q, A> {
    fn lock(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Limits {
    /// Whether to make a further call in addition to those in flight.
    fn another<Q, A>(self, state: &State<Q, A>) -> bool {
        match state.running {
            0 => true,
            running => running < self.at_once && state.waiting.len() >= self.beside_at,
        }
    }
}

/// Permit for one of the calls in flight.
struct Turn<Q, A> {
    /// `None` after it was returned.
    inner: Option<Arc<Inner<Q, A>>>,
}

impl<Q, A> Turn<Q, A> {
    async fn run(mut self) {
        while let Some(asked) = self.next() {
            let Some(inner) = &self.inner else { return };
            (inner.call)(asked).await;
        }
    }

    /// Returns the next questions; if there are none, the permit is returned. Both happen under one lock, or else a
    /// question that arrives in between would wait for a permit that is about to end.
    fn next(&mut self) -> Option<Vec<Asked<Q, A>>> {
        let inner = self.inner.take()?;
        let mut state = inner.lock();
        state.running -= 1;
        if state.waiting.is_empty() || !inner.limits.another(&state) {
            return None;
        }
        state.running += 1;
        let count = state.waiting.len().min(inner.limits.most);
        let next = state.waiting.drain(..count).collect();
        drop(state);
        self.inner = Some(inner);
        Some(next)
    }
}

/// Handles a call that panicked: the waiting callers get no answer, unless another call is in flight that will
/// serve them.
impl<Q, A> Drop for Turn<Q, A> {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            let mut state = inner.lock();
            state.running -= 1;
            if state.running == 0 {
                state.waiting.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::Semaphore;

    use super::*;

    const ONE: Limits = Limits { at_once: 1, beside_at: 2, most: 3 };

    /// Answers each question with itself and how many were asked with it, once the gate permits.
    fn batcher(limits: Limits) -> (Batcher<u32, (u32, usize)>, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        let batcher = Batcher::new(limits, move |asked: Vec<Asked<u32, (u32, usize)>>| {
            let gate = Arc::clone(&held);
            async move {
                gate.acquire().await.unwrap().forget();
                let together = asked.len();
                for asked in asked {
                    let question = asked.question;
                    assert_ne!(question, 13, "thirteen");
                    asked.answer((question, together));
                }
            }
            .boxed()
        });
        (batcher, gate)
    }

    /// Asks questions one after the other, without waiting for answers.
    async fn ask(
        batcher: &Batcher<u32, (u32, usize)>,
        questions: &[u32],
    ) -> Vec<tokio::task::JoinHandle<Option<(u32, usize)>>> {
        let mut asked = Vec::new();
        for question in questions.iter().copied() {
            let batcher = batcher.clone();
            asked.push(tokio::spawn(async move { batcher.ask(question).await }));
            // One thread: the question is there, and the call waits at its gate.
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        }
        asked
    }

    async fn answers(
        asked: Vec<tokio::task::JoinHandle<Option<(u32, usize)>>>,
    ) -> Vec<Option<(u32, usize)>> {
        let mut answers = Vec::new();
        for one in asked {
            answers.push(one.await.unwrap());
        }
        answers
    }

    #[tokio::test]
    async fn the_first_goes_alone_and_those_that_come_meanwhile_go_together() {
        let (batcher, gate) = batcher(ONE);
        let asked = ask(&batcher, &[1, 2, 3, 4, 5]).await;
        gate.add_permits(10);
        let expected = [(1, 1), (2, 3), (3, 3), (4, 3), (5, 1)].map(Some);
        assert_eq!(answers(asked).await, expected);
        assert_eq!(
            answers(ask(&batcher, &[6]).await).await,
            [Some((6, 1))],
            "the next one is made again"
        );
    }

    #[tokio::test]
    async fn many_questions_do_not_wait_for_the_call_under_way() {
        let (batcher, gate) = batcher(Limits { at_once: 2, beside_at: 2, most: 3 });
        let asked = ask(&batcher, &[1, 2]).await;
        assert_eq!(batcher.0.lock().running, 1, "one under way, one waits");
        let more = ask(&batcher, &[3, 4]).await;
        assert_eq!(batcher.0.lock().running, 2);
        gate.add_permits(10);
        assert_eq!(answers(asked).await, [Some((1, 1)), Some((2, 2))]);
        assert_eq!(answers(more).await, [Some((3, 2)), Some((4, 1))]);
        assert_eq!(batcher.0.lock().running, 0);
    }

    #[tokio::test]
    async fn a_call_that_panics_leaves_no_caller_waiting_and_the_next_one_is_made() {
        let (batcher, gate) = batcher(ONE);
        let asked = ask(&batcher, &[13, 2]).await;
        gate.add_permits(10);
        assert_eq!(answers(asked).await, [None, None]);
        assert_eq!(answers(ask(&batcher, &[3]).await).await, [Some((3, 1))]);
    }

    #[tokio::test]
    async fn a_caller_that_stops_waiting_harms_no_other() {
        let (batcher, gate) = batcher(ONE);
        let asked = ask(&batcher, &[1, 2, 3]).await;
        asked[1].abort();
        gate.add_permits(10);
        let mut asked = asked.into_iter();
        assert_eq!(asked.next().unwrap().await.unwrap(), Some((1, 1)));
        assert_eq!(asked.nth(1).unwrap().await.unwrap(), Some((3, 2)));
    }
}
