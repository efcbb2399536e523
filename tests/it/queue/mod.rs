//! The queue against a real Redis.

mod cluster;
mod lanes;
mod leases;
mod limiter;
mod looking;
mod marker;
mod orphans;
mod outages;
mod pauses;
mod retries;
mod supervision;
mod work;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use quittance::config;
use quittance::queue::{
    Clock, ClockShift, Consumer, Delivery, Depth, Disposition, Job, JobMeta, JobSource, Lane,
    Producer, QueueError, Stopped,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use quittance::dev::servers::Redis;

use crate::harness::{self, Private};

/// A queue of one test.
struct Queue {
    server: config::Redis,
    settings: config::Queue,
    producer: Producer,
    /// Of a test that breaks it or looks at all of it.
    private: Option<Private<Redis>>,
}

impl Queue {
    async fn start() -> Self {
        Self::on(&harness::redis_url(), None)
    }

    /// In a Redis of its own.
    async fn private() -> Self {
        Self::in_redis(harness::private_redis().await)
    }

    fn in_redis(redis: Private<Redis>) -> Self {
        Self::on(&redis.url(), Some(redis))
    }

    fn on(url: &str, private: Option<Private<Redis>>) -> Self {
        let server = config::Redis {
            url: config::Secret::new(url),
            connect_timeout: Duration::from_secs(2),
            command_timeout: Duration::from_secs(2),
        };
        let settings = config::Queue {
            name: harness::queue_name(),
            lease: Duration::from_secs(30),
            max_deliveries: 3,
            prefetch: 64,
            sweep_interval: Duration::from_millis(50),
            live_share: 8,
            backfill_at_once: 4,
        };
        let producer = Producer::new(&server, &settings).unwrap();
        Self { server, settings, producer, private }
    }

    fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    fn redis(&mut self) -> &mut Redis {
        self.private.as_mut().expect("only a private Redis may be broken")
    }

    fn consumer(&self, concurrency: usize) -> Consumer {
        Consumer::new(&self.server, &self.settings, "worker", concurrency).unwrap()
    }

    fn work<H, F>(&self, concurrency: usize, handler: H) -> Worker
    where
        H: Fn(Delivery) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Disposition> + Send + 'static,
    {
        self.work_with_grace(concurrency, Duration::from_secs(30), handler)
    }

    fn work_with_grace<H, F>(&self, concurrency: usize, grace: Duration, handler: H) -> Worker
    where
        H: Fn(Delivery) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Disposition> + Send + 'static,
    {
        let shutdown = CancellationToken::new();
        let consumer = self.consumer(concurrency);
        let task = tokio::spawn(consumer.run(handler, shutdown.clone(), grace));
        Worker { shutdown, task }
    }

    /// A worker for which time passes as the test says. Its lease is that of the queue.
    fn work_with_clock<H, F>(&self, concurrency: usize, handler: H) -> (Worker, ClockShift)
    where
        H: Fn(Delivery) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Disposition> + Send + 'static,
    {
        let (shift, clock) = Clock::shifted();
        let consumer =
            Consumer::with_clock(&self.server, &self.settings, "worker", concurrency, clock);
        let shutdown = CancellationToken::new();
        let grace = Duration::from_secs(30);
        let task = tokio::spawn(consumer.unwrap().run(handler, shutdown.clone(), grace));
        (Worker { shutdown, task }, shift)
    }

    /// Makes all jobs that workers have look as if none had renewed its lease for so long.
    async fn unrenewed_for(&self, idle: Duration) {
        for lane in Lane::ALL {
            for (id, owner, _, _) in self.pending_in(lane).await {
                let idle = idle.as_millis();
                let claim =
                    format!("XCLAIM {{test}}:{lane} workers {owner} 0 {id} IDLE {idle} JUSTID");
                let _: Vec<String> = self.ask(&claim).await;
            }
        }
    }

    async fn enqueue(&self, bodies: impl IntoIterator<Item = String>) {
        self.enqueue_in(Lane::Live, bodies).await;
    }

    async fn enqueue_in(&self, lane: Lane, bodies: impl IntoIterator<Item = String>) {
        let jobs: Vec<_> = bodies.into_iter().map(job).collect();
        let ids = self.producer.enqueue_many(lane, &jobs).await.unwrap();
        assert_eq!(ids.len(), jobs.len());
    }

    async fn depth(&self) -> Depth {
        self.producer.depth().await.unwrap()
    }

    async fn drained(&self) {
        eventually("the queue is empty", async || {
            self.producer.depth().await.is_ok_and(|depth| depth.total() == 0)
        })
        .await;
    }

    /// Asks Redis itself. `{test}` stands for the hash tag of the queue's keys.
    async fn ask<T: redis::FromRedisValue>(&self, command: &str) -> T {
        self.try_ask(command).await.unwrap()
    }

    async fn try_ask<T: redis::FromRedisValue>(&self, command: &str) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.server.url.reveal()).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        let command = command.replace("{test}", &format!("{{{}}}", self.settings.name));
        let mut words = command.split(' ');
        let mut asked = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            asked.arg(word);
        });
        asked.query_async(&mut redis).await
    }

    /// Redis' own clock.
    async fn now(&self) -> Duration {
        let (seconds, micros): (u64, u64) = self.ask("TIME").await;
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    }

    /// Who has which job of the live lane, for how long, and how often it was delivered.
    async fn pending(&self) -> Vec<(String, String, u64, u32)> {
        self.pending_in(Lane::Live).await
    }

    /// The same of a lane; none where no worker was ever there.
    async fn pending_in(&self, lane: Lane) -> Vec<(String, String, u64, u32)> {
        let groups: Result<redis::Value, _> =
            self.try_ask(&format!("XINFO GROUPS {{test}}:{lane}")).await;
        match groups {
            Ok(redis::Value::Array(groups)) if !groups.is_empty() => {
                self.ask(&format!("XPENDING {{test}}:{lane} workers - + 1000")).await
            }
            Ok(_) | Err(_) => Vec::new(),
        }
    }
}

/// A worker that runs.
struct Worker {
    shutdown: CancellationToken,
    task: JoinHandle<Result<Stopped, QueueError>>,
}

impl Worker {
    async fn stop(self) -> Stopped {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap()
    }

    /// Ends it the way SIGKILL would: nothing is told to Redis.
    async fn die(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Jobs that the handlers saw.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Delivery>>>);

impl Seen {
    fn note(&self, delivery: Delivery) {
        self.0.lock().unwrap().push(delivery);
    }

    fn all(&self) -> Vec<Delivery> {
        self.0.lock().unwrap().clone()
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn bodies(&self) -> Vec<String> {
        let mut bodies: Vec<_> = self.all().iter().map(body).collect();
        bodies.sort();
        bodies
    }

    /// A handler that notes a job and is done with it.
    fn settle(&self) -> impl Fn(Delivery) -> std::future::Ready<Disposition> + Clone + use<> {
        let seen = self.clone();
        move |delivery| {
            seen.note(delivery);
            std::future::ready(Disposition::Done)
        }
    }

    async fn reaches(&self, count: usize) {
        eventually("enough jobs were seen", async || self.len() >= count).await;
    }
}

fn job(body: String) -> Job {
    let meta = JobMeta {
        endpoint: "default".into(),
        received_at_ms: 1_700_000_000_000,
        secret_index: Some(1),
        attempt: 0,
        source: JobSource::Webhook,
        event: None,
        trace: None,
        retry_of: None,
    };
    Job { meta, body: Bytes::from(body) }
}

fn body(delivery: &Delivery) -> String {
    String::from_utf8(delivery.job.body.to_vec()).unwrap()
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{n:06}")).collect()
}

/// Polls a state that comes about when enough time has passed for a worker.
async fn in_time(what: &str, shift: &ClockShift, mut holds: impl AsyncFnMut() -> bool) {
    eventually(what, async || {
        shift.advance(HOUR);
        holds().await
    })
    .await;
}

/// Longer than any test: a lease that runs out only where a test says so.
const HOUR: Duration = Duration::from_secs(3600);

/// Polls a state that others bring about. The limit only ends a test that has failed.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(120), waiting).await.is_ok(), "never: {what}");
}
