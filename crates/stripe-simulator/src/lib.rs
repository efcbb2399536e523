//! A stateful simulator of the part of Stripe's API that a payments back end uses.
//!
//! It speaks Stripe's HTTP: form bodies, JSON, idempotency keys, lists and signed webhooks. It keeps
//! the state of every object, so that a test can end by comparing a database with it
//! ([`Simulator::truth`]), and it can misbehave on request ([`Chaos`]). It depends on no code of the
//! program under test; its behaviour follows docs.stripe.com, page by page.
//!
//! ```text
//!   your code ──HTTP──▶ api ─┐                        ┌─▶ webhooks ──signed POST──▶ ingress
//!                            ├─▶ actions ─▶ world ─▶ events
//!   a test ─────────▶ drive ─┘   (one lock, never held across an await)
//! ```
//!
//! A new kind of object is a file in `objects/` (what it is and how it looks), one in `actions/`
//! (what can happen to it), a shelf in `world` and its routes.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod actions;
mod api;
mod billing;
mod chaos;
mod clock;
mod config;
mod core;
mod drive;
mod error;
mod faults;
mod handle;
mod ids;
mod lifecycle;
mod objects;
mod stats;
mod story;

mod customer_story;
mod drive_customers;

mod webhooks;
mod world;

pub use actions::{AccountStep, DisputeEnd, PayoutStep};
pub use actions::{Confirm, NewPayment, NewRefund};
pub use actions::{NewCheckout, NewCustomer, NewSetup};
pub use actions::{NewSubscription, PaymentBehavior};
pub use billing::{BillingStory, run_billing, run_billing_story};
pub use chaos::{Chaos, ChaosError, WrongAnswer};
pub use clock::Clock;
pub use config::{Config, Retries};
pub use customer_story::{CustomerStory, run_customer, run_customer_story};
pub use drive::Account;
pub use error::{ApiError, ErrorBody};
pub use faults::{ActiveFault, Fault, FaultId, FaultKind, HeldRequest, ScriptedAnswer};
pub use handle::Simulator;
pub use lifecycle::{Finished, run_payment, run_story};
pub use objects::{AfterCheckout, CheckoutMode, MethodTypes};
pub use objects::{CaptureMethod, CardBehaviour, Decline, RefundStart, TestCard, test_cards};
pub use stats::{RequestCount, Stats, WebhookCounts};
pub use story::Story;
pub use webhooks::{
    Delivered, EndpointError, EndpointId, NotDelivered, Unacknowledged, WebhookEndpoint, sign,
    v1_signature,
};
pub use world::{Kind, Scope};
