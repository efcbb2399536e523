//! Reads from Stripe and writes to it: one object, a page of objects or a list of events at a time, typed, timed on
//! Stripe's own clock, within a budget.
//!
//! The only module that names the async-stripe crates. Their typed requests are used; the transport
//! under them is ours (their own opens a new connection for each request and keeps nothing of an
//! answer but its body). Their response types are not: closed enums and required fields make a whole
//! object unreadable for a field that no column needs. An answer is read by the narrow struct of its
//! kind, in [`quittance_domain`].
//!
//! Architecture invariant: nothing here retries, and nothing but [`Writer`] writes to Stripe. A failed read
//! says its class ([`StripeError::failure`]) and the worker decides; a failed write says what it proves
//! ([`WriteError`]).
//!
//! Reading order: [`Client::fetch`] is the whole flow; `transport` sends and times, `answer` is
//! what came back, `refusal` what Stripe says when it says no, `decode` reads an answer, and `kinds`
//! says for each kind what is asked. [`Client::list`] reads a hundred objects at once.

mod answer;
mod budget;
mod client;
mod client_secret;
mod error;
mod fetched;
mod kinds;
mod list;
mod lists;
mod metrics;
mod refusal;
mod transport;
mod word;
mod write;

mod decode;
mod event;
mod event_list;
mod expanded;
pub mod inspect;

pub use budget::{Budget, BudgetWait, Unlimited};
pub use client::Client;
pub use client_secret::{ClientSecret, Completes};
pub use error::StripeError;
pub use event::FetchedEvent;
pub use event_list::{EventBound, EventListing, EventPage, ListedEvent};
pub use fetched::{Fetched, FetchedState};
pub use list::{CreatedRange, Entry, PAGE_SIZE, Page, PageRequest};
pub use metrics::Metrics;
pub use refusal::Refusal;
pub use transport::Transport;
pub use write::{
    PlannedRequest, PortalSession, WriteError, WriteRefusal, WriteRequest, Writer, Written,
};

/// The API version that every request is pinned to: the one that the typed requests were generated
/// from. The narrow structs of the kinds read its shape.
#[must_use]
pub fn api_version() -> &'static str {
    stripe_shared::version::VERSION.as_str()
}
