//! The queue: apalis workers over Redis Streams. The only module that names either.
//!
//! ```text
//!            Producer                                  Consumer
//!   XADD ──▶ {name}:live ────────┐ XREADGROUP   ┌─ fetch ─▶ buffer ─▶ apalis worker ─▶ handler
//!        └─▶ {name}:backfill ────┴─────────────▶┤                                        │
//!              ▲                                ├─ lease   renews what is ours            │
//!              │ promote.lua                    └─ sweep   retries, dead workers' jobs     ▼
//!            {name}:delayed ◀──────────────────────────────────────────────────────── settle
//!                                 reschedule.lua               XACK + XDEL, hand back
//! ```
//!
//! What it promises:
//! - A job that was enqueued is delivered until it is settled: at least once.
//! - A job is in the hands of one worker at a time, as long as that worker is heard of once a lease.
//! - What a job costs does not depend on how many wait, and a settled job leaves nothing behind.
//! - An outage of Redis makes it wait. It never ends the worker and never spends an attempt.
//!
//! Redis 6.2 or later, or Valkey.

mod backend;
mod buffer;
mod connection;
mod consumer;
mod depth;
mod entries;
mod error;
mod fetch;
mod group;
mod handler;
mod health;
mod held;
mod job;
mod keys;
mod lease;
mod limiter;
mod member;
mod metrics;
mod parts;
mod producer;
mod scripts;
mod settle;
mod stream_out;
mod sweep;

pub use consumer::Consumer;
pub use depth::{Depth, LaneDepth};
pub use error::QueueError;
pub use health::RedisHealth;
pub use job::{Delivery, Disposition, Job, JobId, JobMeta, JobSource, Lane};
pub use limiter::Limiter;
pub use metrics::Metrics;
pub use producer::Producer;
pub use settle::Stopped;
pub use stream_out::{StreamEntry, StreamOut};
