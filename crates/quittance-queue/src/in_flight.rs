//! The jobs that are ours: fetched ahead, running, or finished and not yet acknowledged. Their
//! leases are renewed.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::job::{JobId, Lane};

/// The jobs that are ours.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    ids: Mutex<[HashSet<JobId>; 2]>,
    released: Notify,
}

impl InFlight {
    /// Takes a job in. False if we have it already: then this is a second copy, which is dropped.
    pub(super) fn take(&self, lane: Lane, id: &JobId) -> bool {
        self.lock()[lane.index()].insert(id.clone())
    }

    /// Lets jobs go.
    pub(super) fn release<'a>(&self, lane: Lane, ids: impl IntoIterator<Item = &'a JobId>) {
        let mut held = self.lock();
        for id in ids {
            held[lane.index()].remove(id);
        }
        drop(held);
        self.released.notify_waiters();
    }

    /// What we have of a lane.
    pub(super) fn ids(&self, lane: Lane) -> Vec<JobId> {
        self.lock()[lane.index()].iter().cloned().collect()
    }

    /// Waits until there are fewer than `limit`: acknowledgements that Redis refuses must not pile
    /// up without end.
    pub(super) async fn below(&self, limit: usize) {
        loop {
            let released = self.released.notified();
            tokio::pin!(released);
            // Registered before looking, so that a release in between is not missed.
            released.as_mut().enable();
            if self.lock().iter().map(HashSet::len).sum::<usize>() < limit {
                return;
            }
            released.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, [HashSet<JobId>; 2]> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
