//! Kinds without a state machine, and events that are not simply about an object: the whole road
//! from the event's bytes to the tables.

pub(crate) mod app;
mod deletions;
mod events;
pub(crate) mod fixtures;
mod kept;
pub(crate) mod stripe;
