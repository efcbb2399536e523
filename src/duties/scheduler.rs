//! Takes duties that are due, runs them, and records how they ended.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::panics;
use crate::store::Store;
use crate::store::duty::{DutyEnd, DutyRun, DutyTurn};
use crate::supervise::Supervisor;

/// How long a worker that has died keeps its duty. It is renewed three times within it.
const LEASE: Duration = Duration::from_secs(30);

/// The longest wait between two looks at whether a duty is due: so soon one begins that an operator has asked for,
/// or whose holder has died.
const POLL: Duration = Duration::from_secs(5);

/// The shortest.
const LEAST: Duration = Duration::from_millis(20);

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyDone {
    /// In a few words, for operators.
    pub detail: String,
    /// Whether there is more to do at once.
    pub again: bool,
}

/// How a run ended; an error in words.
pub type DutyOutcome = Result<DutyDone, String>;

/// A duty.
#[derive(Clone)]
pub struct Duty {
    name: &'static str,
    every: Duration,
    work: Arc<dyn Fn() -> BoxFuture<'static, DutyOutcome> + Send + Sync>,
}

impl Duty {
    /// One that is run at an interval. A run may be cut off at any await.
    pub fn new<F, T>(name: &'static str, every: Duration, work: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = DutyOutcome> + Send + 'static,
    {
        Self { name, every, work: Arc::new(move || Box::pin(work())) }
    }
}

/// Runs duties in turn with the other workers.
#[derive(Clone)]
pub struct Scheduler {
    store: Store,
    worker: String,
    lease: Duration,
}

impl Scheduler {
    /// One of a worker, by its name.
    #[must_use]
    pub fn new(store: Store, worker: impl Into<String>) -> Self {
        Self { store, worker: worker.into(), lease: LEASE }
    }

    /// The same with another lease.
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Runs duties until `shutdown`. One that is under way then is cut off and given back.
    pub async fn run(
        self,
        duties: Vec<Duty>,
        supervisor: &Supervisor,
        shutdown: CancellationToken,
    ) {
        let all = duties.iter().map(|duty| async {
            let name = format!("duty {}", duty.name);
            supervisor.keep(&name, &shutdown, || self.keep(duty, &shutdown)).await;
        });
        join_all(all).await;
    }

    async fn keep(&self, duty: &Duty, shutdown: &CancellationToken) {
        let mut known = false;
        while !shutdown.is_cancelled() {
            let wait = match self.turn(duty, &mut known, shutdown).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::debug!(duty = duty.name, %error, "cannot see whether a duty is due");
                    POLL
                }
            };
            let wait = sleep(wait.clamp(LEAST, POLL));
            if shutdown.run_until_cancelled(wait).await.is_none() {
                return;
            }
        }
    }

    /// Runs a duty if it is due; for how long it need not be asked for again.
    async fn turn(
        &self,
        duty: &Duty,
        known: &mut bool,
        shutdown: &CancellationToken,
    ) -> Result<Duration, crate::store::StoreError> {
        if !*known {
            self.store.register_duty(duty.name, duty.every).await?;
            *known = true;
        }
        match self.store.take_duty(duty.name, &self.worker, self.lease).await? {
            DutyTurn::In(wait) => Ok(wait),
            DutyTurn::Mine(run) => {
                self.run_once(duty, &run, shutdown).await?;
                Ok(Duration::ZERO)
            }
        }
    }

    async fn run_once(
        &self,
        duty: &Duty,
        run: &DutyRun,
        shutdown: &CancellationToken,
    ) -> Result<(), crate::store::StoreError> {
        let began = Instant::now();
        let outcome = tokio::select! {
            outcome = panics::caught((duty.work)()) => outcome,
            () = self.renew(run) => {
                tracing::warn!(duty = duty.name, "another worker has taken over a duty; this run ends");
                return Ok(());
            }
            () = shutdown.cancelled() => return self.store.give_back_duty(run).await,
        };
        let outcome = outcome.unwrap_or_else(|panic| Err(panic.to_string()));
        let took = began.elapsed();
        let (succeeded, detail, again) = match outcome {
            Ok(DutyDone { detail, again }) => {
                tracing::debug!(duty = duty.name, detail, "a duty was done");
                (true, detail, again)
            }
            Err(error) => {
                tracing::warn!(
                    duty = duty.name,
                    error,
                    "a duty failed; it runs again when it is due"
                );
                (false, error, false)
            }
        };
        self.store.end_duty(run, &DutyEnd { succeeded, detail, took, again }).await?;
        Ok(())
    }

    /// Renews the lease, and ends when it is lost: another worker has it, or Postgres has not been reached for
    /// so long that another may have.
    async fn renew(&self, run: &DutyRun) {
        let mut renewed = Instant::now();
        loop {
            sleep(self.lease / 3).await;
            match self.store.renew_duty(run, self.lease).await {
                Ok(true) => renewed = Instant::now(),
                Ok(false) => return,
                Err(_) if renewed.elapsed() >= self.lease => return,
                Err(_) => {}
            }
        }
    }
}
