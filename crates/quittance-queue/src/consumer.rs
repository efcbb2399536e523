//! The consumer: the apalis worker and the tasks beside it, their start, and their end.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use apalis::layers::WorkerBuilderExt as _;
use apalis_core::error::WorkerError;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::context::WorkerContext;
use apalis_core::worker::event::Event;
use apalis_core::worker::ext::event_listener::EventListenerExt as _;
use apalis_core::worker::ext::parallelize::ParallelizeExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::acknowledge::{Acknowledgement, Acknowledger, Stopped};
use super::backend::StreamBackend;
use super::buffer::Buffer;
use super::clock::Clock;
use super::connection::Link;
use super::error::QueueError;
use super::fetch::{self, Fetcher};
use super::flow::Flow;
use super::group::{self, SeenEpoch};
use super::group_client::{GroupClient, Returned};
use super::handler::Runner;
use super::health::{Health, RedisHealth};
use super::heartbeat::{Heartbeat, Reporter};
use super::in_flight::InFlight;
use super::job::{Delivery, Disposition, Lane};
use super::keys::Keys;
use super::lease::Renewer;
use super::marker::MarkerCheck;
use super::pause::{self, Paused, Pauses, Watcher};
use super::reaper::Reaper;
use super::receive::Receiver;
use super::tasks::{RunningTasks, Tasks};
use quittance_config as config;
use quittance_tasks::supervise::Supervisor;

/// How long [`Consumer::run`] may take to end after its shutdown, with a Redis that does not answer: the
/// grace, dropping what outlives it, the last fetch, the acknowledgements, and leaving the group.
#[must_use]
pub fn longest_stop(redis: &config::Redis, grace: Duration) -> Duration {
    let (connect, command) = (redis.connect_timeout, redis.command_timeout);
    let dropping = command;
    let fetching = fetch::WAIT + connect + command;
    // How long an answer is waited for, and then the call that is under way.
    let acknowledging = (connect + 2 * command) + (connect + command);
    let finishing = command;
    // The roster, the counts, and each lane.
    let leaving = 4 * command;
    grace + dropping + fetching + acknowledging + finishing + leaving
}

/// How many finished jobs may wait for Redis to take their acknowledgement before no more are fetched.
const MOST_UNACKNOWLEDGED: usize = 4096;

/// A worker of the queue: claims jobs and runs a handler on each.
pub struct Consumer {
    redis: config::Redis,
    queue: config::Queue,
    member: GroupClient,
    concurrency: usize,
    paused: watch::Sender<Paused>,
    pauses: Pauses,
    heartbeat: Heartbeat,
    flow: Flow,
    supervisor: Supervisor,
}

impl Consumer {
    /// Reads the settings; connects nowhere. `concurrency` is how many jobs run at once.
    ///
    /// # Errors
    /// [`QueueError::Url`].
    pub fn new(
        redis: &config::Redis,
        queue: &config::Queue,
        worker_name: impl Into<String>,
        concurrency: usize,
    ) -> Result<Self, QueueError> {
        Self::with_clock(redis, queue, worker_name, concurrency, Clock::system())
    }

    /// The same with a clock for its leases.
    ///
    /// # Errors
    /// As for [`Consumer::new`].
    pub fn with_clock(
        redis: &config::Redis,
        queue: &config::Queue,
        worker_name: impl Into<String>,
        concurrency: usize,
        clock: Clock,
    ) -> Result<Self, QueueError> {
        let health = Health::new(clock.clone());
        let link = Link::new("commands", redis, redis.command_timeout, Some(health.clone()))?;
        let suffix = uuid::Uuid::new_v4().simple().to_string();
        let worker_name = worker_name.into();
        let name = format!("{worker_name}-{}", &suffix[..8]);
        let concurrency = concurrency.max(1);
        let heartbeat = Heartbeat::new(worker_name, &name, concurrency);
        let member = GroupClient {
            link,
            keys: Arc::new(Keys::new(&queue.name)),
            name: name.into(),
            lease: queue.lease,
            health,
            clock,
            seen: Arc::new(SeenEpoch::default()),
        };
        let (paused, pauses) = Pauses::new();
        Ok(Self {
            redis: redis.clone(),
            queue: queue.clone(),
            member,
            concurrency,
            paused,
            pauses,
            heartbeat,
            flow: Flow::new(redis, queue)?,
            supervisor: Supervisor::default(),
        })
    }

    /// The same, its tasks counted with the others of the process.
    #[must_use]
    pub fn supervised_by(self, supervisor: &Supervisor) -> Self {
        Self { supervisor: supervisor.clone(), ..self }
    }

    /// Whether Redis serves us.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<RedisHealth> {
        self.member.health.subscribe()
    }

    /// Which lanes are paused. Known from the start of the work on.
    #[must_use]
    pub fn pauses(&self) -> Pauses {
        self.pauses.clone()
    }

    /// What checks the marker of this queue.
    ///
    /// # Errors
    /// As for [`Consumer::new`].
    pub fn marker(&self) -> Result<MarkerCheck, QueueError> {
        MarkerCheck::new(&self.redis, &self.queue)
    }

    /// What this worker reports of itself.
    #[must_use]
    pub fn heartbeat(&self) -> Heartbeat {
        self.heartbeat.clone()
    }

    /// Runs jobs until `shutdown`; then fetches no more, gives running jobs `grace` to end, drops the
    /// handlers of those that don't, and returns unfinished jobs to the queue.
    ///
    /// An outage of Redis never ends it. Dropping the future is like the death of the process: the
    /// jobs in flight are claimed by other workers after their lease.
    ///
    /// # Errors
    /// At the start: a Redis that is too old, or whose keys something else uses.
    pub async fn run<H, F>(
        self,
        handler: H,
        shutdown: CancellationToken,
        grace: Duration,
    ) -> Result<Stopped, QueueError>
    where
        H: Fn(Delivery) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Disposition> + Send + 'static,
    {
        match shutdown.run_until_cancelled(self.prepare()).await {
            Some(prepared) => prepared?,
            None => return Ok(Stopped::default()),
        }
        let capacity = self.queue.prefetch.max(1);
        let (share, at_once) = (self.queue.live_share, self.queue.backfill_at_once);
        let buffer = Arc::new(Buffer::new(capacity, share, at_once));
        for pause in self.pauses.all() {
            // It is empty yet.
            let _ = buffer.set_paused(pause.lane, true);
        }
        let abort = CancellationToken::new();
        // A handler lives in a task of its own; it must not outlive this future.
        let _abort_when_dropped = abort.clone().drop_guard();
        let (settled, settlements) = mpsc::unbounded_channel();
        let receiver = Receiver {
            buffer: Arc::clone(&buffer),
            in_flight: Arc::default(),
            settled: settled.clone(),
        };
        let tasks = self.tasks(receiver, settlements)?.start(&self.supervisor);
        let context = WorkerContext::new(&self.member.name);
        let runner = Runner {
            handler,
            member: self.member.clone(),
            settled: settled.clone(),
            pauses: self.pauses(),
            heartbeat: self.heartbeat(),
            buffer: Arc::clone(&buffer),
            abort: abort.clone(),
        };
        let worker = self.worker(context.clone(), &buffer, runner);
        self.supervise(Running { buffer, abort, settled, tasks, context, worker }, shutdown, grace)
            .await
    }

    /// Connects, and checks that this Redis can be used. Waits for one that is down.
    async fn prepare(&self) -> Result<(), QueueError> {
        loop {
            let prepared = self.try_prepare().await;
            self.member.health.report("start", &prepared);
            match prepared {
                Ok(()) => return Ok(()),
                Err(
                    error @ (QueueError::TooOld { .. }
                    | QueueError::WrongType { .. }
                    | QueueError::Sentinel
                    | QueueError::Moved(_)),
                ) => return Err(error),
                Err(error) => {
                    tracing::debug!(error = error.chain(), "the queue is not ready yet");
                    self.member.link.pause().await;
                }
            }
        }
    }

    async fn try_prepare(&self) -> Result<(), QueueError> {
        group::check(&self.member.link, &self.member.keys).await?;
        self.member.ensure_groups().await?;
        // Before the first job: a worker that starts in a pause keeps to it.
        let paused = self.member.paused().await?;
        for lane in Lane::ALL {
            pause::log_change(lane, None, paused[lane.index()].as_ref());
        }
        self.paused.send_replace(paused);
        Ok(())
    }

    fn tasks(
        &self,
        receiver: Receiver,
        settlements: mpsc::UnboundedReceiver<(Lane, Acknowledgement)>,
    ) -> Result<Tasks, QueueError> {
        let member = &self.member;
        let in_flight: &Arc<InFlight> = &receiver.in_flight;
        Ok(Tasks {
            fetchers: [
                self.fetcher(Lane::Live, &receiver)?,
                self.fetcher(Lane::Backfill, &receiver)?,
            ],
            acknowledger: Acknowledger::new(
                member.clone(),
                Arc::clone(in_flight),
                self.flow.clone(),
                settlements,
            ),
            renewer: Renewer {
                member: member.clone(),
                buffer: Arc::clone(&receiver.buffer),
                in_flight: Arc::clone(in_flight),
            },
            reaper: Reaper {
                member: member.clone(),
                receiver: receiver.clone(),
                pauses: self.pauses(),
                interval: self.queue.sweep_interval,
            },
            watcher: Watcher { member: member.clone(), receiver, known: self.paused.clone() },
            reporter: Reporter {
                member: member.clone(),
                heartbeat: self.heartbeat(),
                pauses: self.pauses(),
            },
        })
    }

    fn fetcher(&self, lane: Lane, receiver: &Receiver) -> Result<Fetcher, QueueError> {
        let (connection, part, task) = match lane {
            Lane::Live => ("live lane's connection", "live lane", "live fetcher"),
            Lane::Backfill => ("backfill lane's connection", "backfill lane", "backfill fetcher"),
        };
        let longest = fetch::WAIT + self.redis.command_timeout;
        let health = Some(self.member.health.clone());
        let link = Link::new(connection, &self.redis, longest, health)?;
        Ok(Fetcher {
            lane,
            part,
            task,
            member: self.member.on(link),
            receiver: receiver.clone(),
            pauses: self.pauses(),
            most: self.concurrency + 4 * self.queue.prefetch.max(1) + MOST_UNACKNOWLEDGED,
            unsure: AtomicBool::new(false),
        })
    }

    fn worker<H, F>(
        &self,
        context: WorkerContext,
        buffer: &Arc<Buffer>,
        runner: Runner<H>,
    ) -> BoxFuture<'static, Result<(), WorkerError>>
    where
        H: Fn(Delivery) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Disposition> + Send + 'static,
    {
        let worker = WorkerBuilder::new(context)
            .backend(StreamBackend(Arc::clone(buffer)))
            .concurrency(self.concurrency)
            .parallelize(tokio::spawn)
            .on_event(|_, event| {
                if let Event::Error(error) = event {
                    tracing::error!(%error, "a job's task failed; its lease will run out");
                }
            })
            .build(move |delivery: Delivery| runner.clone().run(delivery));
        Box::pin(worker.run())
    }

    async fn supervise(
        &self,
        mut running: Running,
        shutdown: CancellationToken,
        grace: Duration,
    ) -> Result<Stopped, QueueError> {
        tokio::select! {
            biased;
            // It does not end by itself, and cannot be started again: the leases of the jobs that it had
            // taken from the buffer and not begun would be renewed for ever. So the process ends, and
            // other workers claim its jobs.
            ended = &mut running.worker => return Err(QueueError::Worker(ended.err())),
            () = shutdown.cancelled() => {}
        }
        running.tasks.stop();
        let mut unstarted = running.buffer.close();
        if let Err(error) = running.context.stop() {
            tracing::warn!(%error, "the apalis worker was not running");
        }
        if timeout(grace, &mut running.worker).await.is_err() {
            tracing::warn!("jobs outlived the grace period; they are dropped and handed back");
            running.abort.cancel();
            // Only a handler that blocks its thread is still there then; it keeps its lease.
            let _ = timeout(self.redis.command_timeout, &mut running.worker).await;
        }
        drop(running.worker);
        running.tasks.stopped().await;
        // What the last fetch brought after the first close.
        unstarted.extend(running.buffer.close());
        for job in unstarted {
            let lane = job.lane;
            // The acknowledger runs until all senders are gone.
            let back = Acknowledgement::HandBack(Returned::unbegun(job));
            let _ = running.settled.send((lane, back));
        }
        drop(running.settled);
        let report = self.flush(&mut running.tasks).await?;
        // A renewal or a heartbeat that is under way to Redis must not arrive after the sign-off.
        let _ = timeout(self.redis.command_timeout, running.tasks.finish()).await;
        self.leave().await;
        Ok(report)
    }

    async fn flush(&self, tasks: &mut RunningTasks) -> Result<Stopped, QueueError> {
        let limit = self.redis.connect_timeout + 2 * self.redis.command_timeout;
        let flushed = match timeout(limit, tasks.acknowledged()).await {
            Ok(flushed) => flushed,
            Err(_) => {
                tasks.give_up();
                tasks.acknowledged().await
            }
        };
        let report = flushed.map_err(QueueError::Task)?;
        if report.left > 0 {
            tracing::warn!(jobs = report.left, "redis could not be told of jobs; they come again");
        }
        Ok(report)
    }

    /// Removes this consumer from the group. Where jobs are still pending under its name, another worker
    /// claims them first and removes the name later.
    async fn leave(&self) {
        let limit = self.redis.command_timeout;
        match timeout(limit, self.member.sign_off()).await {
            Ok(Ok(())) => self.flow.send().await,
            Ok(Err(error)) => tracing::debug!(error = error.chain(), "could not sign off"),
            Err(_) => tracing::debug!("could not sign off: redis does not answer"),
        }
        for lane in Lane::ALL {
            match timeout(self.redis.command_timeout, self.member.leave(lane)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::debug!(error = error.chain(), "could not leave"),
                Err(_) => tracing::debug!("could not leave: redis does not answer"),
            }
        }
    }
}

struct Running {
    buffer: Arc<Buffer>,
    abort: CancellationToken,
    settled: mpsc::UnboundedSender<(Lane, Acknowledgement)>,
    tasks: RunningTasks,
    context: WorkerContext,
    worker: BoxFuture<'static, Result<(), WorkerError>>,
}
