//! The operators' pages and their JSON API, thin over [`crate::ops`].
//!
//! Reading order: what all requests share (`state`), who is let in (`access`), the routes
//! (`router`), then `pages` and `api`, a file for each thing that is looked at.
//!
//! Architecture invariant: nothing here knows the tables or the queue. What a page can do, `ops`
//! can do, and so can the command line.
//!
//! Architecture invariant: every page works without JavaScript; what a script adds is comfort.

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
