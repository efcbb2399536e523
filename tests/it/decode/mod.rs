//! What Stripe may say and what becomes of it: odd fields, odd values, words of tomorrow.

pub(crate) mod fields;
mod letters;
mod mutations;
mod reports;
