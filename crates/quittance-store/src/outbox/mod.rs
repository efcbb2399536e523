//! The outbox from the side of those who tell it.
//!
//! A destination is handed the outbox out page by page, in the order of its cursor; each row that it
//! wants becomes a delivery, which is `pending` until it is `delivered` or given up (`dead`). The pending
//! deliveries of one object form a queue, and a relay claims queues: for the length of a lease it sends
//! the first delivery, while no transaction is open, and then marks it, which makes the next one of that
//! object claimable. That is what keeps the order of an object.

mod hold;
mod progress;
mod relay;
mod removal;
mod review;
mod upkeep;

pub use hold::OutboxHold;
pub use progress::DestinationState;
pub use relay::{Claimed, Undelivered};
pub use removal::RemovedPage;
pub use review::{DeadDelivery, Revived};
pub use upkeep::PrunedPage;
