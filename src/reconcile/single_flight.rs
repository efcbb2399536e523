//! Single flight: what is asked about one object at the same time is answered by one request.
//!
//! The first to ask about an object leads; whoever asks while the leader is under way waits for
//! the *next* flight. That one may be shared too, because all who wait for it asked before it
//! began: what they know is older than what it will see.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The flights under way, by object; the value is who waits for the next one.
#[derive(Debug)]
pub(super) struct SingleFlight<K, M> {
    waiting: Mutex<HashMap<K, Vec<M>>>,
}

impl<K: Eq + Hash + Clone, M> SingleFlight<K, M> {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::new(HashMap::new()) }
    }

    /// Joins. `Some` to the one who has to lead; the others only wait for their answer.
    pub(super) fn join(self: &Arc<Self>, key: K, member: M) -> Option<Lead<K, M>> {
        match self.lock().entry(key.clone()) {
            Entry::Occupied(mut entry) => {
                entry.get_mut().push(member);
                None
            }
            Entry::Vacant(entry) => {
                entry.insert(vec![member]);
                Some(Lead { single_flight: Arc::clone(self), key: Some(key) })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Vec<M>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to fly for an object. Dropping it lets the next to ask lead, and drops whoever still
/// waits, which their ends of the channel notice.
pub(super) struct Lead<K: Eq + Hash + Clone, M> {
    single_flight: Arc<SingleFlight<K, M>>,
    /// None once the lead is over: from then on the object may have another leader, whose entry
    /// is not ours to remove.
    key: Option<K>,
}

impl<K: Eq + Hash + Clone, M> Lead<K, M> {
    /// Who flies next; none, and the lead is over, when nobody waits.
    pub(super) fn board(&mut self) -> Option<Vec<M>> {
        let key = self.key.as_ref()?;
        let mut waiting = self.single_flight.lock();
        let members = waiting.get_mut(key).map(std::mem::take).unwrap_or_default();
        if members.is_empty() {
            waiting.remove(key);
            drop(waiting);
            self.key = None;
            return None;
        }
        Some(members)
    }
}

impl<K: Eq + Hash + Clone, M> Drop for Lead<K, M> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.single_flight.lock().remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_during_a_flight_waits_for_the_next() {
        let single_flight = Arc::new(SingleFlight::new());
        let mut lead = single_flight.join("pi_1", 1).expect("the first leads");
        assert_eq!(lead.board(), Some(vec![1]));
        assert!(single_flight.join("pi_1", 2).is_none());
        assert!(single_flight.join("pi_1", 3).is_none());
        assert!(single_flight.join("pi_2", 4).is_some(), "another object flies by itself");
        assert_eq!(lead.board(), Some(vec![2, 3]));
        assert_eq!(lead.board(), None);
        let mut next = single_flight.join("pi_1", 5).expect("the lead is free again");
        drop(lead);
        assert_eq!(next.board(), Some(vec![5]), "an ended lead takes nothing from its successor");
    }

    #[test]
    fn a_leader_that_dies_leaves_no_object_locked() {
        let single_flight = Arc::new(SingleFlight::new());
        let lead = single_flight.join("pi_1", 1).expect("the first leads");
        assert!(single_flight.join("pi_1", 2).is_none());
        drop(lead);
        let mut next = single_flight.join("pi_1", 3).expect("leads again");
        assert_eq!(next.board(), Some(vec![3]), "who waited was let go");
    }
}
