//! The write side: what a team asks of Stripe through the API happens once.

mod access;
mod app;
mod card_data;
mod checkouts;
mod document;
mod money;
mod once;
mod operators;
mod portal;
mod references;
mod subscriptions;
mod unknown;
