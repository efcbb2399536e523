//! Rules that need to know a row, or what Stripe says now: what a payment or a session allows, what a caller may
//! move, and who may be paid. The rules that need only the request are in [`crate::domain::command`].

mod check;
mod checked;
mod checkout;
mod destination;
mod payment;
mod refund;

pub(super) use check::forbidden;
pub(super) use checked::{Asking, Checked};
