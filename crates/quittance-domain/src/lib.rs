//! The rules, and nothing else.
//!
//! Pure: no async, no clock, no randomness, and none of the crates that talk to the outside. serde's
//! derive says how the narrow struct of a kind is read from Stripe's JSON; the bytes are parsed
//! elsewhere. Whatever a rule needs of the world (a time, a random number) is handed to it as a value,
//! so that each rule is a table that can be printed, reviewed and tested whole.
//!
//! Reading order: what things are called ([`id`], [`money`], [`event`]), how a field of Stripe's is
//! read ([`field`]), what a kind of object declares ([`object_kind`], [`listing`]), what each of them does
//! ([`kinds`], one file each; [`mirror`] for those without a table), all of them together ([`object`]),
//! which events there are ([`event_types`]), what a job should do next ([`plan`], [`access`]), whether an
//! answer can be believed yet ([`lag`]), until when all of Stripe's events are here ([`completeness`]), what may be
//! asked of Stripe ([`command`]), and what to do when a
//! job fails ([`failure`], [`fingerprint`], [`retry`]).
#![deny(clippy::wildcard_enum_match_arm)]

pub mod field;
pub mod id;
mod loose;
pub mod money;
pub mod surrogates;
mod timestamp;

pub mod event;
mod event_catalogue;
pub mod event_types;
pub mod failure_reason;
pub mod notification;
mod owner;
pub mod status_word;
pub mod transition;

pub mod kinds;
pub mod listing;
pub mod object_kind;

mod id_prefixes;
mod kind;
pub mod mirror;
mod mirror_table;
pub mod object;

pub mod access;
pub mod lag;
pub mod plan;

pub mod completeness;

pub mod command;

pub mod failure;
pub mod fingerprint;
pub mod retry;
