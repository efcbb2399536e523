//! Panics of supervised tasks on demand. Compiled for tests alone (feature `faults`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// The panics that tests have asked for, by the name of the task. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<BTreeMap<String, Arc<Notify>>>>);

impl Faults {
    /// Asks for one panic of a task: of the run that is under way, or else of the next one.
    pub(crate) fn inject(&self, task: &str) {
        self.of(task).notify_one();
    }

    /// Runs a task until it ends, or panics once that was asked for.
    #[expect(clippy::panic, reason = "it is what a test asked for")]
    pub(crate) async fn run(&self, name: &str, task: impl Future<Output = ()>) {
        let fault = self.of(name);
        tokio::select! {
            () = task => {}
            () = fault.notified() => std::panic::panic_any("a test asked for it"),
        }
    }

    fn of(&self, task: &str) -> Arc<Notify> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(faults.entry(task.to_owned()).or_default())
    }
}
