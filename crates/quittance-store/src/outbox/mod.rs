//! The outbox from the side of those who tell it.
//!
//! A destination is handed the outbox out page by page, in the order of its cursor; each row that it
//! wants becomes a delivery, which is `pending` until it is `delivered` or given up (`dead`). Whoever
//! delivers claims the delivery for the length of a lease, sends while no transaction is open, and
//! then says what came of it. Of one object only the first that is pending can be claimed: that is
//! what keeps its order.

mod relay;
mod review;
mod upkeep;

pub use relay::{Claimed, Undelivered};
pub use review::{DeadDelivery, DestinationState, Revived};
