//! The HTTP side: what a client of Stripe's API sees.

mod answer;
mod auth;
mod control;
mod expand;
mod form;
mod idempotency;
mod limiter;
mod list;
mod params;
mod pipeline;
mod routes;
mod server;
mod stale;

pub(crate) use idempotency::Idempotency;
pub(crate) use limiter::Limiter;
pub(crate) use server::serve;
