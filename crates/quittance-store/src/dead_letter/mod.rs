//! Dead letters: events and notifications that failed for good, with their reasons and states.
//!
//! A dead letter is `open` until an operator puts it back into the queue (`retrying`), its event is processed after
//! all (`resolved`, by [`Store::apply`](super::Store::apply), however the event was received again), or an
//! operator closes it (`discarded`). An event has at most one dead letter that is open or retrying. An operator can
//! hide an open dead letter for a while (`snoozed`): it is still open in the tables, and is shown again by itself.
//!
//! A notification that could not be delivered to a destination is a dead letter like any other; a retry repeats its
//! delivery, and a successful delivery resolves it.

mod act;
mod filter;
mod group;
mod group_key;
mod id;
mod read;
mod state;
mod write;

pub use crate::audit::Actor;
pub use crate::dead_event::DeadEvent;
pub use act::{Act, ActWord, Acted, ActedOn};
pub(super) use act::{Columns, acted};
pub use filter::Filter;
pub use group::{Group, Groups, StateCounts};
pub use group_key::{GroupKey, GroupKeyError};
pub use id::{DeadLetterId, DeadLetterIdError};
pub use read::DeadLetter;
pub use state::{DeadLetterReason, DeadLetterSource, DeadLetterState};
pub use write::NewDeadLetter;
pub(super) use write::{Words, words};
