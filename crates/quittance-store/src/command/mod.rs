//! Commands: written before Stripe is called, taken by one process at a time, and closed in the transaction
//! that writes what Stripe answered.

mod accept;
mod counts;
mod read;
mod stored;
mod turn;
mod upkeep;

pub use accept::{Acceptance, NewCommand};
pub use counts::{CommandCounts, OpenCommands};
pub use read::CommandFilter;
pub use stored::{StoredAnswer, StoredCommand};
pub use turn::{CommandClosing, CommandTurn, TurnEnd};
