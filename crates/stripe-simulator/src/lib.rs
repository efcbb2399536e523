//! A stateful simulator of the part of Stripe's API that a payments back end uses.
//!
//! It speaks Stripe's HTTP: form bodies, JSON, idempotency keys, lists and signed webhooks. It keeps
//! the state of every object, so that a test can end by comparing a database with it
//! ([`Simulator::truth`]), and it can misbehave on request ([`Chaos`]). It depends on no code of the
//! program under test; its behaviour follows docs.stripe.com, page by page.
//!
//! ```text
//!   your code ──HTTP──▶ api ────┐                          ┌─▶ webhooks ──signed POST──▶ your code
//!                               ├─▶ actions ─▶ store, events
//!   a test ───────▶ account ────┘   (one lock, never held across an await)
//!                   scenarios
//! ```
//!
//! A new kind of object is a file in `objects/` (what it is and how it looks), one in `actions/`
//! (what can happen to it), a table in `store` and its routes.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod account;
mod actions;
mod api;
mod card_forms;
mod chaos;
mod clock;
mod config;
mod engine;
mod error;
mod faults;
mod handle;
mod idempotency;
mod ids;
mod limiter;
mod objects;
mod scenarios;
mod scope;
mod stats;
mod store;
mod webhooks;

pub use account::Account;
pub use actions::{
    AccountStep, Confirm, DisputeEnd, NewCheckout, NewCustomer, NewRefund, NewSetup,
    NewSubscription, PaymentBehavior, PayoutStep,
};
pub use chaos::{Chaos, ChaosError, WrongAnswer};
pub use clock::Clock;
pub use config::{Config, Retries};
pub use error::{ApiError, ErrorBody};
pub use faults::{ActiveFault, Fault, FaultError, FaultId, FaultKind, HeldRequest, ScriptedAnswer};
pub use handle::Simulator;
pub use objects::{
    AfterCheckout, CaptureMethod, CardBehaviour, CheckoutMode, Decline, Kind, MethodTypes,
    NewPayment, RefundStart, TestCard, test_cards,
};
pub use scenarios::{
    BillingScenario, CustomerScenario, Finished, PaymentScenario, run_billing,
    run_billing_scenario, run_customer, run_customer_scenario, run_payment, run_payment_scenario,
};
pub use scope::Scope;
pub use stats::{RequestCount, Stats, WebhookCounts};
pub use webhooks::{
    Delivered, EndpointError, EndpointId, NotDelivered, Unacknowledged, WebhookEndpoint, sign,
    v1_signature,
};
