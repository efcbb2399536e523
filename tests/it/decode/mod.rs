//! Decoding of Stripe's JSON: odd fields, odd values, words of tomorrow.

mod dead_letters;
pub(crate) mod fields;
mod mutations;
mod reports;
