//! Quarantine: runs a job that may kill its worker with no other job beside it.
//!
//! A job that kills its worker interrupts the jobs beside it, and their deliveries are counted like its own. So a
//! job that was in progress when several workers died runs alone: then it either succeeds, or is the only one to
//! be counted.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// Deliveries from which on a job runs alone.
const SUSPECT: u32 = 3;

/// The jobs that run in one process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Quarantine {
    room: Arc<RwLock<()>>,
}

/// The right to run, until it is dropped.
#[derive(Debug)]
pub(super) enum Place {
    /// Beside others.
    Shared { _held: OwnedRwLockReadGuard<()> },
    /// Alone.
    Alone { _held: OwnedRwLockWriteGuard<()> },
}

impl Quarantine {
    /// Waits for a place for a job that was begun so many times, this one included.
    pub(super) async fn join(&self, deliveries: u32) -> Place {
        let room = Arc::clone(&self.room);
        if deliveries < SUSPECT {
            return Place::Shared { _held: room.read_owned().await };
        }
        tracing::warn!(deliveries, "a job that may kill its worker runs alone");
        Place::Alone { _held: room.write_owned().await }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_suspect_runs_alone_and_the_others_together() {
        let quarantine = Quarantine::default();
        let first = quarantine.join(1).now_or_never().expect("no job runs");
        let second = quarantine.join(SUSPECT - 1).now_or_never().expect("no suspect yet");
        assert!(quarantine.join(SUSPECT).now_or_never().is_none(), "two others run");
        drop((first, second));
        let suspect = quarantine.join(SUSPECT).now_or_never().expect("they are gone");
        assert!(quarantine.join(1).now_or_never().is_none(), "the suspect is alone");
        drop(suspect);
        assert!(quarantine.join(1).now_or_never().is_some());
    }
}
