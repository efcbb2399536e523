//! The rules, and nothing else.
//!
//! Pure: no async, no clock, no randomness, and none of the crates that talk to the outside. serde's
//! derive says how the narrow struct of a kind is read from Stripe's JSON; the bytes are parsed
//! elsewhere. Whatever a rule needs of the world (a time, a random number) is handed to it as a value,
//! so that each rule is a table that can be printed, reviewed and tested whole.
//!
//! Reading order: what things are called ([`id`], [`money`], [`event`]), how a field of Stripe's is
//! read ([`field`]), what Stripe can say about each object ([`payment`], [`charge`], [`refund`] and so
//! on, and without a state machine those of [`mirror`]; gathered in [`object`]; [`account`] with its
//! [`account_status`]), which events there are ([`event_types`]), what a job should do next ([`plan`],
//! [`access`]), whether an answer can be believed yet ([`lag`]), and what to do when a job fails
//! ([`failure`], [`fingerprint`], [`retry`]).
#![deny(clippy::wildcard_enum_match_arm)]

pub mod field;
pub mod id;
mod loose;
pub mod money;
pub mod surrogates;

pub mod event;
mod event_catalogue;
pub mod event_types;
pub mod notification;
pub mod status_word;
pub mod transition;

pub mod charge;
pub mod payment;
pub mod refund;

pub mod checkout;
pub mod customer;
pub mod payment_method;
pub mod setup;

pub mod catalogue;
pub mod invoice;
pub mod price;
pub mod product;
pub mod subscription;
pub mod subscription_schedule;

pub mod account;
pub mod account_status;
pub mod dispute;
pub mod payout;

pub mod access;
pub mod lag;
pub mod mirror;
mod mirror_table;

mod id_prefixes;
pub mod object;
pub mod plan;

pub mod failure;
pub mod fingerprint;
pub mod retry;
