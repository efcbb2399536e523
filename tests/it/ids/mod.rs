//! Ids: those that people chose, and the same one in several accounts and modes.

mod chosen;
mod pages;
mod scopes;
mod unnamed;
