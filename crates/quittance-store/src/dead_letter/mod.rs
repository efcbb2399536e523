//! Dead letters: what was given up, why, and what became of it since.
//!
//! A letter is `open` until ops puts it back into the queue (`retrying`), it settles after all
//! (`resolved`, by [`Store::apply`](super::Store::apply), however its event came again), or a
//! person decides that it never will (`discarded`). An event has at most one letter that is open
//! or retrying. An open one that nobody wants to see for a while is `snoozed`: it is open to the
//! tables, and turns up again by itself.
//!
//! A notification that was given up for a destination is a letter like any other; what is retried
//! then is its delivery, and its arrival resolves it.

mod act;
mod filter;
mod group;
mod group_key;
mod id;
mod read;
mod state;
mod write;

pub use crate::actor::Actor;
pub use crate::dead_event::DeadEvent;
pub use act::{Act, ActWord, Acted, ActedOn};
pub(super) use act::{Columns, acted};
pub use filter::Filter;
pub use group::{Group, Groups, StateCounts};
pub use group_key::{GroupKey, GroupKeyError};
pub use id::{DeadLetterId, DeadLetterIdError};
pub use read::Letter;
pub use state::{LetterReason, LetterSource, LetterState};
pub use write::NewDeadLetter;
pub(super) use write::{Words, words};
