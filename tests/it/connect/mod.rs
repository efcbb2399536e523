//! Kinds of object on the whole road: the simulator's events in, its truth in the tables.

mod accounts;
mod bank;
mod reconciler;
