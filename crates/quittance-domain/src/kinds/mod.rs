//! The kinds of object that have a table in `app`, one file each.
//!
//! A file reads from top to bottom: the statuses and the steps between them; the struct, whose fields
//! are read from Stripe's JSON and written as columns; and the declaration ([`crate::object_kind`])
//! with all else that differs from kind to kind.

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
pub mod dispute;
pub mod payout;
