//! Heartbeat of a worker: its entry in the roster, written every two seconds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::error::QueueError;
use super::group_client::GroupClient;
use super::job::{Delivery, JobId, Lane};
use super::pause::Pauses;
use super::scripts;
use super::worker_registry::{CurrentJob, KEEP, WaitsFor, WorkerEntry};

/// Interval of a worker's heartbeat.
const INTERVAL: Duration = Duration::from_secs(2);

/// The most jobs that are named.
const MOST_JOBS: usize = 32;

/// Function that returns what a worker waits for.
type Waits = Box<dyn Fn() -> Option<WaitsFor> + Send + Sync>;

/// Function that returns a worker's limit of concurrent attempts.
type Limit = Box<dyn Fn() -> usize + Send + Sync>;

/// A worker's report of itself. Clones share it.
#[derive(Clone)]
pub struct Heartbeat(Arc<Inner>);

struct Inner {
    card: WorkerEntry,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    host: String,
    waits: Option<Waits>,
    limit: Option<Limit>,
    jobs: BTreeMap<(Lane, JobId), CurrentJob>,
}

/// A job that runs, until this is dropped.
pub(super) struct Running {
    heartbeat: Heartbeat,
    key: (Lane, JobId),
}

impl Drop for Running {
    fn drop(&mut self) {
        self.heartbeat.lock().jobs.remove(&self.key);
    }
}

impl Heartbeat {
    pub(super) fn new(name: String, id: &str, concurrency: usize) -> Self {
        let card = WorkerEntry {
            name,
            id: id.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: String::new(),
            pid: std::process::id(),
            started_at_ms: now_ms(),
            concurrency: u64::try_from(concurrency).unwrap_or(u64::MAX),
            limit: None,
            running: 0,
            jobs: Vec::new(),
            waits_for: None,
            paused: Vec::new(),
        };
        Self(Arc::new(Inner { card, state: Mutex::default() }))
    }

    /// Says on which host the worker runs.
    pub fn on_host(&self, host: impl Into<String>) {
        self.lock().host = host.into();
    }

    /// Says how to find out what the worker waits for. Asked each time it reports itself.
    pub fn waiting(&self, waits: impl Fn() -> Option<WaitsFor> + Send + Sync + 'static) {
        self.lock().waits = Some(Box::new(waits));
    }

    /// Says how to find out how many attempts the worker allows at once, which may be fewer than the
    /// jobs that it has begun. Asked each time it reports itself.
    pub fn limited(&self, limit: impl Fn() -> usize + Send + Sync + 'static) {
        self.lock().limit = Some(Box::new(limit));
    }

    /// Says what a job that runs is about: the queue carries events without reading them.
    pub fn describe(
        &self,
        delivery: &Delivery,
        event: &str,
        event_type: &str,
        object: Option<&str>,
    ) {
        let key = (delivery.lane, delivery.id.clone());
        if let Some(job) = self.lock().jobs.get_mut(&key) {
            job.event = Some(event.to_owned());
            job.event_type = Some(event_type.to_owned());
            job.object = object.map(str::to_owned);
        }
    }

    /// A job begins.
    pub(super) fn begin(&self, delivery: &Delivery) -> Running {
        let key = (delivery.lane, delivery.id.clone());
        let job = CurrentJob {
            id: delivery.id.to_string(),
            lane: delivery.lane.as_str().to_owned(),
            event: None,
            event_type: None,
            object: None,
            attempt: delivery.job.meta.attempt.saturating_add(1),
            since_ms: now_ms(),
        };
        self.lock().jobs.insert(key.clone(), job);
        Running { heartbeat: self.clone(), key }
    }

    /// The entry as it is now.
    fn card(&self, pauses: &Pauses) -> WorkerEntry {
        let state = self.lock();
        let mut jobs: Vec<_> = state.jobs.values().collect();
        jobs.sort_by_key(|job| job.since_ms);
        WorkerEntry {
            host: state.host.clone(),
            running: u64::try_from(jobs.len()).unwrap_or(u64::MAX),
            limit: state.limit.as_ref().and_then(|limit| u64::try_from(limit()).ok()),
            jobs: jobs.into_iter().take(MOST_JOBS).cloned().collect(),
            waits_for: state.waits.as_ref().and_then(|waits| waits()),
            paused: pauses.all().iter().map(|pause| pause.lane.as_str().to_owned()).collect(),
            ..self.0.card.clone()
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Background task that writes the heartbeat.
pub(super) struct Reporter {
    pub(super) member: GroupClient,
    pub(super) heartbeat: Heartbeat,
    pub(super) pauses: Pauses,
}

impl Reporter {
    /// Runs until no job is in flight; the first report is at once. A report that fails
    /// is not repeated: the next one is complete again.
    pub(super) async fn run(&self, finished: &CancellationToken) {
        loop {
            if let Err(error) = self.report().await {
                tracing::debug!(error = error.chain(), "the worker could not report itself");
            }
            if finished.run_until_cancelled(sleep(INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    async fn report(&self) -> Result<(), QueueError> {
        let card = self.heartbeat.card(&self.pauses);
        let json = serde_json::to_string(&card).map_err(QueueError::Encode)?;
        if !self.member.report(&json).await? {
            tracing::debug!("redis is full; what it knows of this worker stays as it is");
        }
        Ok(())
    }
}

impl GroupClient {
    /// Writes our entry in the roster; answers whether Redis had room for it.
    async fn report(&self, card: &str) -> Result<bool, QueueError> {
        let keys = (scripts::REPORT.keys)(&self.keys, Lane::Live, "");
        let keep = KEEP.as_millis().to_string();
        let fixed = [&*self.name, card, &*keep];
        let written: u8 = self
            .link
            .call(|redis| async move {
                scripts::REPORT.call(redis, keys, &fixed, scripts::NO_MORE).await
            })
            .await?;
        Ok(written == 1)
    }

    /// Takes our entry out of the roster.
    pub(super) async fn sign_off(&self) -> Result<(), QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        pipeline.cmd("ZREM").arg(self.keys.workers()).arg(&*self.name).ignore();
        pipeline.cmd("HDEL").arg(self.keys.cards()).arg(&*self.name).ignore();
        self.link.call(|mut redis| async move { pipeline.query_async(&mut redis).await }).await
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
