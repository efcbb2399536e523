//! The write side: what a team asks of Stripe through the API happens once.

mod access;
pub(crate) mod app;
mod bulk_refunds;
mod card_data;
mod checkouts;
mod document;
mod money;
mod once;
mod operators;
mod portal;
mod references;
mod rejections;
mod subscriptions;
mod terminal;
mod terminal_billing;
mod typed;
mod unknown;
