//! The simulator judges other programs, so it is tested first: against Stripe's documentation, and
//! against a signature that is computed here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "that is how a test fails; clippy.toml allows them in the test functions alone"
)]

mod card_form;
mod chaos;
mod checkouts;
mod control;
mod customers;
mod events;
mod faults;
mod harness;
mod idempotency;
mod lifecycles;
mod lists;
mod new_payments;
mod payments;
mod receiver;
mod refunds;
mod requests;
mod setups;
mod subscriptions;
mod test_cards;
mod webhooks;
