//! The queue: apalis workers over Redis Streams. The only module that names either.
//!
//! ```text
//!            Producer                                  Consumer
//!   XADD ──▶ {name}:live ────────┐ XREADGROUP   ┌─ fetch ─▶ buffer ─▶ apalis worker ─▶ handler
//!        └─▶ {name}:backfill ────┴─────────────▶┤                                        │
//!              ▲                                ├─ lease   renews what is ours            │
//!              │ promote.lua                    └─ sweep   retries, dead workers' jobs     ▼
//!            {name}:delayed ◀──────────────────────────────────────────────────────── settle
//!                                 reschedule.lua               XACK + XDEL, return   
//! ```
//!
//! What it promises:
//! - A job that was enqueued is delivered until it is settled: at least once.
//! - A job is claimed by one worker at a time, as long as that worker renews its leases.
//! - What a job costs does not depend on how many wait, and a settled job leaves nothing behind.
//! - A lane that a person has paused is left alone by all workers; what they had fetched goes back.
//! - An outage of Redis makes it wait. It never ends the worker and never spends an attempt.
//! - Where Redis has lost data, there is a new epoch ([`MarkerState`]), also if all else looks right.
//!
//! For operators, an [`Inspector`] sees how full it is, what single jobs are, which workers
//! there are ([`Heartbeat`] reports them) and how much comes and goes, and pauses lanes.
//!
//! Redis 6.2 or later, or Valkey.

mod acknowledge;
mod backend;
mod bucket;
mod buffer;
mod clock;
mod connection;
mod consumer;
mod depth;
mod durability;
mod entries;
mod error;
mod fetch;
mod flow;
mod generations;
mod group;
mod group_client;
mod handler;
mod health;
mod heartbeat;
mod in_flight;
mod inspector;
mod job;
mod keys;
mod lease;
mod limiter;
mod marker;
mod metrics;
mod pause;
mod peek;
mod producer;
mod reaper;
mod receive;
mod scripts;
mod stream_out;
mod tasks;
mod waiting_events;
mod worker_registry;

pub use acknowledge::Stopped;
pub use bucket::Bucket;
pub use clock::{Clock, ClockShift};
pub use consumer::{Consumer, longest_stop};
pub use depth::{Depth, LaneDepth};
pub use durability::Durability;
pub use error::QueueError;
pub use flow::{FlowCounts, MinuteCount};
pub use health::RedisHealth;
pub use heartbeat::Heartbeat;
pub use inspector::Inspector;
pub use job::{Delivery, Disposition, Job, JobId, JobMeta, JobSource, Lane, RetryOf};
pub use limiter::{Limiter, TokenWait};
pub use marker::{MarkerCheck, MarkerState, Missing};
pub use metrics::Metrics;
pub use pause::{Pause, Pauses};
pub use peek::{Peeked, Place};
pub use producer::Producer;
pub use stream_out::{StreamEntry, StreamOut};
pub use waiting_events::WaitingEvents;
pub use worker_registry::{CurrentJob, Listed, WaitsFor, WorkerEntry};
