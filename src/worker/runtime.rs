//! A worker from its start to its end.

use std::time::{Duration, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::health;
use super::job::Handler;
use super::marker;
use super::metrics::Metrics;
use super::outages::{Outages, Pause};
use super::quarantine::Quarantine;
use super::slots::Slots;
use crate::config;
use crate::domain::failure::{self, Class, Dependency};
use crate::domain::retry::{Jitter, Policy};
use crate::http::{self, Limits};
use crate::queue::{Consumer, QueueError, Stopped, WaitsFor};
use crate::reconcile::Reconciler;
use crate::store::{Store, StoreError};
use crate::supervise::Supervisor;

/// Parts of a worker.
pub struct Parts {
    /// Its name, in logs and with each attempt.
    pub name: String,
    /// Where jobs come from.
    pub consumer: Consumer,
    /// What settles them.
    pub reconciler: Reconciler,
    /// Where attempts and dead letters are kept.
    pub store: Store,
    /// Where `/livez` and `/readyz` are served, if anywhere.
    pub listener: Option<TcpListener>,
    /// The source of jitter: a number in `0.0..1.0`.
    pub random: fn() -> f64,
    /// What it counts.
    pub metrics: Metrics,
    /// What starts its background tasks again.
    pub supervisor: Supervisor,
}

/// Why a worker could not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The schema does not fit, or Postgres refuses us.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The queue cannot be used.
    #[error("the queue cannot be used")]
    Queue(#[from] QueueError),
}

/// Works until `shutdown`, then ends what runs within the grace period and hands back the rest.
///
/// Outages of Postgres, Redis and Stripe only pause it, also at its start.
///
/// # Errors
/// The schema is older than this program, or the settings of Postgres or Redis are wrong.
pub async fn run(
    parts: Parts,
    worker: &config::Worker,
    retry: &config::Retry,
    queue: &config::Queue,
    shutdown: CancellationToken,
) -> Result<(), WorkerError> {
    let outages = Outages::new(worker.down_after, worker.probe_interval);
    let slots = Slots::new(worker.concurrency, worker.job_timeout);
    parts.metrics.begin(worker.concurrency, &slots, outages.status(), parts.consumer.health());
    let serving = parts.listener.map(|listener| {
        let router = health::router(&outages, parts.consumer.health(), parts.consumer.pauses());
        let server = http::Server {
            name: "health listener",
            router,
            limits: Limits::default(),
            metrics: http::Metrics::default(),
        };
        let (supervisor, shutdown) = (parts.supervisor.clone(), shutdown.clone());
        tokio::spawn(async move { server.serve(listener, shutdown, &supervisor).await })
    });
    if wait_for_schema(&parts.store, &outages, worker.probe_interval, &shutdown).await?.is_none() {
        return Ok(());
    }
    let heartbeat = parts.consumer.heartbeat();
    let status = outages.status();
    heartbeat.waiting(move || status.borrow().as_ref().map(waits_for));
    let limit = slots.clone();
    heartbeat.limited(move || limit.limit());
    let marker = parts.consumer.marker()?;
    let watched = (parts.store.clone(), parts.supervisor.clone(), shutdown.clone());
    let watching = tokio::spawn(async move {
        let (store, supervisor, shutdown) = watched;
        let run = || marker::watch(store.clone(), marker.clone(), shutdown.clone());
        supervisor.keep("marker of the queue", &shutdown, run).await;
    });
    let handler = Handler {
        reconciler: parts.reconciler,
        store: parts.store,
        outages,
        policy: Policy {
            max_attempts: retry.max_attempts,
            first: retry.first,
            factor: retry.factor,
            cap: retry.cap,
        },
        max_deliveries: queue.max_deliveries,
        timeout: worker.job_timeout,
        worker: parts.name.clone(),
        quarantine: Quarantine::default(),
        slots,
        pauses: parts.consumer.pauses(),
        heartbeat,
        stopping: shutdown.clone(),
        random: parts.random,
        metrics: parts.metrics,
    };
    tracing::info!(worker = parts.name, concurrency = worker.concurrency, "working");
    let handle = move |delivery| handler.clone().handle(delivery);
    let stopped = parts
        .consumer
        .supervised_by(&parts.supervisor)
        .run(handle, shutdown.clone(), worker.grace)
        .await?;
    let Stopped { handed_back, left } = stopped;
    tracing::info!(worker = parts.name, handed_back, left, "stopped");
    shutdown.cancel();
    // Cut off, each of its statements has either happened or not.
    watching.abort();
    if let Some(serving) = serving {
        // It ends with the token; a panic in it has been reported by the runtime.
        let _ = serving.await;
    }
    Ok(())
}

/// The worker's pause, as its heartbeat reports it.
fn waits_for(pause: &Pause) -> WaitsFor {
    let since = pause.since.duration_since(UNIX_EPOCH).unwrap_or_default();
    WaitsFor {
        dependency: pause.cause.dependency.to_string(),
        misconfigured: pause.cause.misconfigured,
        message: pause.message.clone(),
        since_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
    }
}

/// Waits until Postgres answers; `None` when told to stop before it did.
async fn wait_for_schema(
    store: &Store,
    outages: &Outages,
    cap: Duration,
    shutdown: &CancellationToken,
) -> Result<Option<()>, StoreError> {
    let first = Duration::from_millis(250).min(cap);
    let policy = Policy { max_attempts: u32::MAX, first, factor: 2.0, cap };
    let mut tries = 0;
    loop {
        let error = match store.check_schema().await {
            Ok(()) => {
                outages.is_up(Dependency::Postgres);
                return Ok(Some(()));
            }
            Err(error) => error,
        };
        match error.class() {
            Class::Unavailable(_)
            | Class::Transient
            | Class::RateLimited { .. }
            | Class::TooEarly { .. } => {}
            Class::Permanent | Class::Misconfigured(_) => return Err(error),
        }
        outages.is_down_at_start(Dependency::Postgres, failure::chain(&error).join(": "));
        tries += 1;
        tokio::select! {
            () = tokio::time::sleep(policy.delay(tries, Jitter::new(1.0))) => {}
            () = shutdown.cancelled() => return Ok(None),
        }
    }
}
