//! Reads from Stripe: one object at a time, typed, timed on Stripe's own clock, within a budget.
//!
//! The only module that names the async-stripe crates. Their typed requests and objects are used;
//! the transport under them is ours (their own opens a new connection for each request and keeps
//! nothing of an answer but its body).
//!
//! Architecture invariant: nothing here retries and nothing here writes to Stripe. A failed read
//! says its class ([`StripeError::failure`]) and the worker decides.
//!
//! Reading order: [`Client::fetch`] is the whole flow; `transport` sends and times, `answer` is
//! what came back, `refusal` what Stripe says when it says no, `decode` makes typed objects of
//! bytes, `kinds` says for each kind what is asked, and one file a kind turns the answer into the
//! columns of [`crate::domain`].

use quittance_config as config;
use quittance_domain as domain;

mod answer;
mod budget;
mod client;
mod error;
mod fetched;
mod kinds;
mod metrics;
mod refusal;
mod transport;

mod account;
mod charge;
mod decode;
mod dispute;
mod event;
mod expanded;
mod field;
pub mod inspect;
mod invoice;
mod payment_intent;
mod payout;
mod price;
mod product;
mod refund;
mod subscription;
mod subscription_schedule;

mod checkout_session;
mod customer;
mod payment_method;
mod setup_intent;

pub use budget::{Budget, Unlimited};
pub use client::Client;
pub use error::StripeError;
pub use event::FetchedEvent;
pub use fetched::{Fetched, FetchedState};
pub use metrics::Metrics;
pub use refusal::Refusal;
pub use transport::Transport;

/// The API version that every request is pinned to: the one that the typed objects were generated
/// from, so that an answer always has the shape that they know.
#[must_use]
pub fn api_version() -> &'static str {
    stripe_shared::version::VERSION.as_str()
}
