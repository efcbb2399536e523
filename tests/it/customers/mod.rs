//! The whole road, from an event's bytes to the rows, for customers, their methods, setups and
//! checkouts. The simulator knows the truth.

mod app;
mod reconciler;
