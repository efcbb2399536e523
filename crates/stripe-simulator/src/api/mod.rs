//! The HTTP side: what a client of Stripe's API sees.

mod answer;
mod auth;
mod call;
mod card_form;
mod control;
mod expand;
mod form;
mod list;
mod params;
mod pipeline;
mod read;
mod server;
mod write;

pub(crate) use server::serve;
