//! Joint requests: one request answers for a primary and for its dependents.
//!
//! Called with any keys and answers by whoever asks for both at the same time, such as a payment and its
//! charges, once a round and before it reads what it knows. The primary waits until each dependent under way
//! knows whether it has to ask; a dependent that has to waits for the primary's answer, and asks by itself
//! where the primary does not ask. It must never know how a request is made, or what is known of a key.
//!
//! Why this is as safe as two requests: a dependent registers before it reads what it knows, and joins after
//! that. The primary's request begins when all registered dependents have joined or left, so it begins after
//! each of them has read.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, RwLock, oneshot};

/// The primaries and dependents under way, by primary. `K`: their keys. `T`: the answer to a dependent.
#[derive(Debug)]
pub struct JointRequests<K, T> {
    requests: Mutex<HashMap<K, State<K, T>>>,
}

#[derive(Debug)]
struct State<K, T> {
    /// Whether the primary is under way and has not begun its request.
    is_open: bool,
    /// How many dependents are under way and have not joined.
    registered: usize,
    /// Read by the dependents that do not know yet whether they have to ask; written by the primary when
    /// all know.
    undecided: Arc<RwLock<()>>,
    /// The dependents that have to ask.
    joined: Vec<Joined<K, T>>,
}

/// A dependent that waits for its answer. Dropped: it has to ask by itself.
#[derive(Debug)]
pub struct Joined<K, T> {
    /// Its key.
    pub key: K,
    waits: oneshot::Sender<T>,
}

/// The part that a round takes in a joint request, from before it reads what it knows.
#[derive(Debug)]
pub enum Part<K: Eq + Hash, T> {
    /// Its request may answer for others.
    Primary(Primary<K, T>),
    /// The request of another may answer for it.
    Dependent(Dependent<K, T>),
    /// None: it asks by itself and for itself.
    Alone,
}

/// The part of the primary. Dropped before its request begins, it lets those that wait for it ask by
/// themselves.
#[derive(Debug)]
pub struct Primary<K: Eq + Hash, T> {
    requests: Arc<JointRequests<K, T>>,
    key: K,
}

/// The part of a dependent. Dropped, it lets the primary begin.
#[derive(Debug)]
pub struct Dependent<K: Eq + Hash, T> {
    requests: Arc<JointRequests<K, T>>,
    primary: K,
    key: K,
    _undecided: OwnedRwLockReadGuard<()>,
}

impl<K, T> Default for JointRequests<K, T> {
    fn default() -> Self {
        Self { requests: Mutex::default() }
    }
}

impl<K, T> Default for State<K, T> {
    fn default() -> Self {
        Self { is_open: false, registered: 0, undecided: Arc::default(), joined: Vec::new() }
    }
}

impl<K: Eq + Hash + Clone, T> JointRequests<K, T> {
    /// Registers a primary. At most one round of a key may be under way.
    pub fn primary(self: &Arc<Self>, key: K) -> Primary<K, T> {
        self.lock().entry(key.clone()).or_default().is_open = true;
        Primary { requests: Arc::clone(self), key }
    }

    /// Registers a dependent of a primary. `None`: the primary is about to ask, and its request would begin
    /// before this dependent has read what it knows.
    pub fn dependent(self: &Arc<Self>, primary: K, key: K) -> Option<Dependent<K, T>> {
        let mut requests = self.lock();
        let state = requests.entry(primary.clone()).or_default();
        let undecided = Arc::clone(&state.undecided).try_read_owned().ok()?;
        state.registered += 1;
        drop(requests);
        Some(Dependent { requests: Arc::clone(self), primary, key, _undecided: undecided })
    }
}

impl<K: Eq + Hash, T> JointRequests<K, T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, State<K, T>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state of a primary that has one, and removes it when no part is left.
    fn update(&self, primary: &K, change: impl FnOnce(&mut State<K, T>)) {
        let mut requests = self.lock();
        let Some(state) = requests.get_mut(primary) else { return };
        change(state);
        if !state.is_open && state.registered == 0 {
            requests.remove(primary);
        }
    }
}

impl<K, T> Joined<K, T> {
    /// Answers the dependent.
    pub fn answer(self, answer: T) {
        // A dependent that no longer waits has timed out.
        let _ = self.waits.send(answer);
    }
}

impl<K: Eq + Hash, T> Primary<K, T> {
    /// Waits until each registered dependent knows whether it has to ask, and closes the request to others.
    /// To be called right before the request is sent; answers the dependents that it is for.
    pub async fn begin(self) -> Vec<Joined<K, T>> {
        let undecided = self.requests.lock().get(&self.key).map(|it| Arc::clone(&it.undecided));
        let Some(undecided) = undecided else { return Vec::new() };
        let _closed = undecided.write().await;
        let mut joined = Vec::new();
        self.requests.update(&self.key, |state| {
            state.is_open = false;
            joined = std::mem::take(&mut state.joined);
        });
        joined
    }
}

impl<K: Eq + Hash, T> Drop for Primary<K, T> {
    fn drop(&mut self) {
        self.requests.update(&self.key, |state| {
            state.is_open = false;
            state.joined.clear();
        });
    }
}

impl<K: Eq + Hash + Clone, T> Dependent<K, T> {
    /// Joins the primary's request. `Some`: the answer; `None`: the dependent has to ask by itself.
    pub async fn join(self) -> Option<T> {
        let (waits, answered) = oneshot::channel();
        {
            let mut requests = self.requests.lock();
            let state = requests.get_mut(&self.primary).filter(|state| state.is_open)?;
            state.joined.push(Joined { key: self.key.clone(), waits });
        }
        drop(self);
        answered.await.ok()
    }
}

impl<K: Eq + Hash, T> Drop for Dependent<K, T> {
    fn drop(&mut self) {
        self.requests.update(&self.primary, |state| {
            state.registered = state.registered.saturating_sub(1);
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const PRIMARY: &str = "payment";

    fn requests() -> Arc<JointRequests<&'static str, &'static str>> {
        Arc::default()
    }

    #[test]
    fn a_primary_waits_until_its_dependents_know_whether_they_have_to_ask() {
        let requests = requests();
        let asks = requests.dependent(PRIMARY, "charge 1").unwrap();
        let knows_enough = requests.dependent(PRIMARY, "charge 2").unwrap();
        let mut begins = Box::pin(requests.primary(PRIMARY).begin());
        assert!(begins.as_mut().now_or_never().is_none(), "neither knows");
        let mut waits = Box::pin(asks.join());
        assert!(waits.as_mut().now_or_never().is_none(), "there is no answer yet");
        assert!(begins.as_mut().now_or_never().is_none(), "one does not know");
        drop(knows_enough);
        let [joined] = <[_; 1]>::try_from(begins.now_or_never().unwrap()).unwrap();
        assert_eq!(joined.key, "charge 1");
        joined.answer("a charge");
        assert_eq!(waits.now_or_never().unwrap(), Some("a charge"));
        assert!(requests.lock().is_empty(), "nothing is left behind");
    }

    #[test]
    fn a_part_without_the_other_asks_at_once() {
        let requests = requests();
        assert!(requests.primary(PRIMARY).begin().now_or_never().unwrap().is_empty());
        let dependent = requests.dependent(PRIMARY, "charge 1").unwrap();
        assert_eq!(dependent.join().now_or_never().unwrap(), None);
        assert!(requests.lock().is_empty(), "nothing is left behind");
    }

    #[test]
    fn a_dependent_whose_primary_does_not_ask_or_fails_asks_by_itself() {
        let requests = requests();
        let primary = requests.primary(PRIMARY);
        let dependent = requests.dependent(PRIMARY, "charge 1").unwrap();
        let mut waits = Box::pin(dependent.join());
        assert!(waits.as_mut().now_or_never().is_none());
        drop(primary);
        assert_eq!(waits.now_or_never().unwrap(), None);

        let dependent = requests.dependent(PRIMARY, "charge 1").unwrap();
        let primary = requests.primary(PRIMARY);
        let mut waits = Box::pin(dependent.join());
        assert!(waits.as_mut().now_or_never().is_none());
        drop(primary.begin().now_or_never().unwrap());
        assert_eq!(waits.now_or_never().unwrap(), None);
        assert!(requests.lock().is_empty(), "nothing is left behind");
    }

    /// It would read what it knows after the request had begun.
    #[test]
    fn a_dependent_that_comes_after_the_request_has_begun_does_not_join_it() {
        let requests = requests();
        let first = requests.dependent(PRIMARY, "charge 1").unwrap();
        let mut begins = Box::pin(requests.primary(PRIMARY).begin());
        assert!(begins.as_mut().now_or_never().is_none());
        assert!(requests.dependent(PRIMARY, "charge 2").is_none(), "the request is about to begin");
        drop(first);
        assert!(begins.now_or_never().unwrap().is_empty());
        let late = requests.dependent(PRIMARY, "charge 2").unwrap();
        assert_eq!(late.join().now_or_never().unwrap(), None);
        assert!(requests.lock().is_empty(), "nothing is left behind");
    }
}
