//! The whole road: from what happens at Stripe to the tables, over real HTTP, Redis and Postgres.

mod dead_letters;
mod environment;
pub(crate) mod every_kind;
mod failures;
mod lag;
mod money;
mod once;
mod outages;
mod overload;
mod processes;
mod program;
mod races;
mod record;
mod requests;
mod secrets;
mod snapshots;
mod wrong_answers;
