//! What the events in hand say of their object by themselves, where that is as good as asking Stripe.
//!
//! Two ways, and neither can take a row backwards. Where nobody knows whether the row or the event is
//! the newer one, both may say the *same*: then the row is written once more as it is, which raises its
//! version, so that a look that began before cannot overwrite it. And where the event was made after
//! the last look had ended, it is *newer*, and is believed if the settings want that for its kind.

use super::decision::Case;
use super::task::Task;
use crate::domain::object::{self, Row, Subject};
use crate::domain::plan::{self, Next, Snapshot};
use crate::domain::transition::Move;
use crate::redaction::{Redacted, Rules};
use crate::stripe_api::{Fetched, FetchedState};

/// What is said.
pub(super) enum Told {
    /// This is so.
    So(Fetched),
    /// This is so if the row holds each of these.
    IfHeld { snapshots: Vec<Redacted>, so: Fetched },
}

/// Reads the snapshots of the events that would have Stripe asked. `believed`: those of this kind are
/// believed where they are newer than the row. `None`: Stripe has to be asked.
pub(super) fn read(
    subject: &Subject,
    row: Option<&Row>,
    open: &[&Case<'_>],
    margin: i64,
    believed: bool,
    rules: &Rules,
) -> Option<Told> {
    let asking = open.iter().filter(|case| case.next == Next::Fetch).map(|case| case.task);
    let asking: Vec<&Task> = asking.collect();
    // In the event that tells of its deletion, an object looks as it did when it was there.
    if asking.iter().any(|task| task.tells_deletion_of(subject)) {
        return None;
    }
    let good_for = |task: &&Task| plan::snapshot(row, task.created(), margin);
    match asking.as_slice() {
        // Of several, nobody could say which is the last.
        [task] if good_for(task) == Snapshot::Newer => {
            // What was new when it was given up says little of now, and may be all that comes.
            let told = (believed && task.is_fresh()).then(|| told(subject, task, rules))??;
            is_known_move(row, &told).then_some(Told::So(told))
        }
        all if all.iter().all(|task| good_for(task) == Snapshot::Compare) => {
            let snapshots = all.iter().map(|task| task.snapshot(rules)).collect::<Option<_>>()?;
            let newest = all.iter().max_by_key(|task| task.created())?;
            Some(Told::IfHeld { snapshots, so: told(subject, newest, rules)? })
        }
        _ => None,
    }
}

/// What an event says of the object, if it is about it and can be read.
fn told(subject: &Subject, task: &Task, rules: &Rules) -> Option<Fetched> {
    Fetched::told(subject, task.snapshot(rules)?, task.created())
}

/// A move that our state machine thinks impossible is applied only after a look at the object itself.
fn is_known_move(row: Option<&Row>, told: &Fetched) -> bool {
    let FetchedState::Present { observed, .. } = &told.state else { return false };
    let recorded = row.and_then(|row| row.recorded.as_ref());
    object::decide(recorded, observed).is_ok_and(|(step, _)| step.kind != Move::Anomalous)
}
