//! The operators' pages and their JSON API, thin over [`crate::ops`].
//!
//! Reading order: shared state (`state`), authentication (`access`), routes (`router`), then
//! `pages` and `api`.
//!
//! Architecture invariant: nothing here accesses the tables or the queue directly. Every action is in `ops`, and
//! so on the command line, too.
//!
//! Architecture invariant: every page works without JavaScript; scripts are an enhancement.

mod access;
mod api;
mod assets;
mod fault;
mod frame;
mod input;
mod pages;
mod refusal;
mod router;
mod selection;
mod sign_in;
mod state;
mod strict;
mod view;

pub use api::document;
pub use router::router;
pub use state::Admin;
