//! Single flight: callers that ask about the same key at the same time share one call.
//!
//! Called with any key, question and answer. The first caller for a key starts a call; a caller that arrives
//! while that call runs waits for the *next* one, because it may know of something that happened after the
//! running call began. It must never know what the call does.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::panics::{self, Panicked};

/// Answers all questions about a key, in their order.
type Call<K, Q, A> = dyn Fn(K, Vec<Q>) -> BoxFuture<'static, Vec<A>> + Send + Sync;

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnswered {
    /// The call panicked.
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// The task that made the call ended without an answer: the runtime is shutting down.
    #[error("the task that made the call ended without an answer")]
    Ended,
}

/// Shares calls by key.
pub struct SingleFlight<K, Q, A> {
    call: Arc<Call<K, Q, A>>,
    waiting: Arc<Waiting<K, Q, A>>,
}

/// The keys with a call under way, each with the callers that wait for its next call.
struct Waiting<K, Q, A>(Mutex<HashMap<K, Vec<Waiter<Q, A>>>>);

struct Waiter<Q, A> {
    question: Q,
    answer: oneshot::Sender<Result<A, NotAnswered>>,
}

impl<K, Q, A> SingleFlight<K, Q, A>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    Q: Send + 'static,
    A: Send + 'static,
{
    /// Shares calls of `call`, which gives one answer for each question, in their order.
    pub fn new(
        call: impl Fn(K, Vec<Q>) -> BoxFuture<'static, Vec<A>> + Send + Sync + 'static,
    ) -> Self {
        Self { call: Arc::new(call), waiting: Arc::new(Waiting(Mutex::default())) }
    }

    /// Asks about a key, with a call that begins after this.
    ///
    /// # Errors
    /// The call panicked, or its task ended.
    pub async fn ask(&self, key: K, question: Q) -> Result<A, NotAnswered> {
        let (answer, answered) = oneshot::channel();
        if let Some(leader) = Waiting::join(&self.waiting, key, Waiter { question, answer }) {
            // On a task of its own: a caller that gives up waiting must not stop the call for the others.
            tokio::spawn(leader.run(Arc::clone(&self.call)));
        }
        answered.await.unwrap_or(Err(NotAnswered::Ended))
    }
}

impl<K: Eq + Hash + Clone, Q, A> Waiting<K, Q, A> {
    /// Adds a caller. `Some` to the one that has to make the calls.
    fn join(this: &Arc<Self>, key: K, waiter: Waiter<Q, A>) -> Option<Leader<K, Q, A>> {
        match this.lock().entry(key.clone()) {
            Entry::Occupied(mut entry) => {
                entry.get_mut().push(waiter);
                None
            }
            Entry::Vacant(entry) => {
                entry.insert(vec![waiter]);
                Some(Leader { waiting: Arc::clone(this), key: Some(key) })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Vec<Waiter<Q, A>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the calls of a key until no caller waits. Dropped before, it lets the next caller lead, and the
/// waiting ones learn from their channels that no answer will come.
struct Leader<K: Eq + Hash + Clone, Q, A> {
    waiting: Arc<Waiting<K, Q, A>>,
    /// None once it is done: from then on the key may have another leader, whose entry must stay.
    key: Option<K>,
}

impl<K: Eq + Hash + Clone, Q, A> Leader<K, Q, A> {
    async fn run(mut self, call: Arc<Call<K, Q, A>>) {
        while let Some((key, waiters)) = self.next() {
            let (questions, callers): (Vec<_>, Vec<_>) =
                waiters.into_iter().map(|waiter| (waiter.question, waiter.answer)).unzip();
            let answers: Vec<_> = match panics::caught(async { call(key, questions).await }).await {
                Ok(answers) => answers.into_iter().map(Ok).collect(),
                Err(panic) => callers.iter().map(|_| Err(panic.clone().into())).collect(),
            };
            for (caller, answer) in callers.into_iter().zip(answers) {
                // A caller that no longer waits has timed out.
                let _ = caller.send(answer);
            }
        }
    }

    /// The callers of the next call; none, and the leader is done, when no caller waits.
    fn next(&mut self) -> Option<(K, Vec<Waiter<Q, A>>)> {
        let key = self.key.clone()?;
        let mut waiting = self.waiting.lock();
        let waiters = waiting.get_mut(&key).map(std::mem::take).unwrap_or_default();
        if waiters.is_empty() {
            waiting.remove(&key);
            drop(waiting);
            self.key = None;
            return None;
        }
        Some((key, waiters))
    }
}

impl<K: Eq + Hash + Clone, Q, A> Drop for Leader<K, Q, A> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.waiting.lock().remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;

    use super::*;

    type Answer = Result<Vec<u32>, NotAnswered>;
    type Numbers = Arc<SingleFlight<&'static str, u32, Vec<u32>>>;

    /// Answers each question with all that were asked with it, once `gate` permits; panics about 13.
    fn numbers() -> (Numbers, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        let permits = Arc::clone(&gate);
        let call = move |_, asked: Vec<u32>| {
            let permits = Arc::clone(&permits);
            async move {
                permits.acquire_owned().await.unwrap().forget();
                assert!(!asked.contains(&13), "unlucky");
                vec![asked.clone(); asked.len()]
            }
            .boxed()
        };
        (Arc::new(SingleFlight::new(call)), gate)
    }

    async fn ask(flights: &Numbers, key: &'static str, number: u32) -> JoinHandle<Answer> {
        let flights = Arc::clone(flights);
        let asked = tokio::spawn(async move { flights.ask(key, number).await });
        // Until it has asked, and a call that it starts is under way.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        asked
    }

    #[tokio::test]
    async fn a_caller_that_comes_during_a_call_waits_for_the_next_and_shares_it() {
        let (flights, gate) = numbers();
        let first = ask(&flights, "a", 1).await;
        let later = [ask(&flights, "a", 2).await, ask(&flights, "a", 3).await];
        let other = ask(&flights, "b", 4).await;
        gate.add_permits(3);
        assert_eq!(first.await.unwrap(), Ok(vec![1]));
        for caller in later {
            assert_eq!(caller.await.unwrap(), Ok(vec![2, 3]));
        }
        assert_eq!(other.await.unwrap(), Ok(vec![4]), "another key has calls of its own");
        gate.add_permits(1);
        assert_eq!(ask(&flights, "a", 5).await.await.unwrap(), Ok(vec![5]));
    }

    #[tokio::test]
    async fn a_call_that_panics_fails_its_callers_and_the_next_one_is_made() {
        let (flights, gate) = numbers();
        let fails = ask(&flights, "a", 13).await;
        let next = ask(&flights, "a", 2).await;
        gate.add_permits(2);
        let error = fails.await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "panicked: unlucky");
        assert_eq!(next.await.unwrap(), Ok(vec![2]));
    }

    #[tokio::test]
    async fn a_leader_that_is_dropped_leaves_no_key_locked() {
        let waiting = Arc::new(Waiting::<_, u32, u32>(Mutex::default()));
        let waiter = || {
            let (answer, answered) = oneshot::channel();
            (Waiter { question: 1, answer }, answered)
        };
        let (first, answered) = waiter();
        drop(Waiting::join(&waiting, "a", first).expect("the first leads"));
        assert!(answered.await.is_err(), "it is not left waiting");
        let (second, _answered) = waiter();
        assert!(Waiting::join(&waiting, "a", second).is_some());
    }

    #[tokio::test]
    async fn a_leader_that_is_done_takes_nothing_from_its_successor() {
        let waiting = Arc::new(Waiting::<_, u32, u32>(Mutex::default()));
        let waiter = || Waiter { question: 1, answer: oneshot::channel().0 };
        let mut leader = Waiting::join(&waiting, "a", waiter()).expect("the first leads");
        assert!(leader.next().is_some());
        assert!(leader.next().is_none());
        let mut successor = Waiting::join(&waiting, "a", waiter()).expect("leads again");
        drop(leader);
        assert!(successor.next().is_some());
    }
}
