//! Deliveries of the outbox, for the relay and for operators.
//!
//! The outbox is fanned out to each destination page by page, in the order of the destination's cursor. Each
//! row whose topic the destination receives becomes a delivery, which is `pending` until it is `delivered` or
//! dead-lettered (`dead`). The pending deliveries of one object form a queue, and a relay claims queues: for
//! the length of a lease it sends the first delivery, while no transaction is open, and then records the
//! outcome, which makes the next delivery of that object claimable. That keeps the order of an object.

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
