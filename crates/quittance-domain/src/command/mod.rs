//! Commands: what a client may ask of Stripe through Quittance, and the rules that are checked before
//! Stripe is asked.
//!
//! A rule is a pure function that answers `Ok` or a [`RuleBreach`], which says the rule by a stable code,
//! the field, and what to do. The state machine of a command is [`CommandState`].
//!
//! Reading order: [`CommandKind`] and [`CommandState`], the parameters ([`params`]), then a rule a file.

pub mod amount;
pub mod card_data;
pub mod checkout;
pub mod command_params;
pub mod destination;
#[cfg(test)]
mod given;
pub mod idempotency_key;
pub mod params;
pub mod payment_verb;
pub mod reference;
pub mod refund_file;
pub mod refundable;
pub mod return_url;
mod rule;
mod state;
pub mod subscription;
pub mod text_limits;

pub use rule::{RuleBreach, RuleCode};
pub use state::{CommandKind, CommandState};
