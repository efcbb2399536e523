//! Jobs in flight in this worker: prefetched, running, or finished and not yet acknowledged. Their leases
//! are renewed.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::job::{JobId, Lane};

/// Jobs in flight in this worker.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    lanes: Mutex<[Ids; 2]>,
    released: Notify,
}

#[derive(Debug, Default)]
struct Ids {
    ours: HashSet<JobId>,
    /// Those that were released since Redis was asked which jobs are pending under our name; none
    /// while no such question is open.
    released: Option<HashSet<JobId>>,
}

impl InFlight {
    /// Adds a job. False if it is in flight already: then this is a second copy, which is dropped.
    pub(super) fn take(&self, lane: Lane, id: &JobId) -> bool {
        self.lock()[lane.index()].ours.insert(id.clone())
    }

    /// Removes jobs.
    pub(super) fn release<'a>(&self, lane: Lane, ids: impl IntoIterator<Item = &'a JobId>) {
        let mut lanes = self.lock();
        let Ids { ours, released } = &mut lanes[lane.index()];
        for id in ids {
            ours.remove(id);
            if let Some(released) = released {
                released.insert(id.clone());
            }
        }
        drop(lanes);
        self.released.notify_waiters();
    }

    /// Begins to note which jobs of a lane are released: called before Redis is asked which ones are
    /// pending under our name, because its answer may be older than a release.
    pub(super) fn note_releases(&self, lane: Lane) {
        self.lock()[lane.index()].released = Some(HashSet::new());
    }

    /// Ends that; answers which jobs were released.
    pub(super) fn noted_releases(&self, lane: Lane) -> HashSet<JobId> {
        self.lock()[lane.index()].released.take().unwrap_or_default()
    }

    /// The jobs of a lane.
    pub(super) fn ids(&self, lane: Lane) -> Vec<JobId> {
        self.lock()[lane.index()].ours.iter().cloned().collect()
    }

    /// Waits until there are fewer than `limit`: acknowledgements that Redis refuses must not pile
    /// up without end.
    pub(super) async fn below(&self, limit: usize) {
        loop {
            let released = self.released.notified();
            tokio::pin!(released);
            // Registered before looking, so that a release in between is not missed.
            released.as_mut().enable();
            if self.lock().iter().map(|lane| lane.ours.len()).sum::<usize>() < limit {
                return;
            }
            released.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Ids; 2]> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
