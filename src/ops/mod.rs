//! The operators' actions, shared by the command line and the admin server.
//!
//! Each is a plain function of its arguments that returns values: nothing here prints, and nothing
//! here decides the outcome of a job. Each action has a named actor, and is recorded in the audit log.

pub mod accounts;
pub mod audit;
pub mod certificates;
pub mod compare;
pub mod context;
pub mod dead_letters;
pub mod duties;
pub mod events;
pub mod kinds;
pub mod name;
pub mod objects;
pub mod operations;
pub mod outbox;
pub mod queue;
pub mod reconcile;
pub mod replay;
pub mod sessions;
pub mod status;
pub mod timeline;
pub mod types;
