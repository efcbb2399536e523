//! The write side: what a team asks of Stripe through the API happens once.

mod access;
pub(crate) mod app;
mod card_data;
mod checkouts;
mod document;
mod money;
mod once;
mod operators;
mod references;
mod rejections;
mod terminal;
mod unknown;
