//! A connection that comes back. Never spins: between two attempts lies a growing delay, and
//! everybody who shares the connection shares the delay.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};
use tokio::time::{Instant, sleep_until, timeout};

use super::error::QueueError;
use super::health::Health;
use crate::config;
use crate::domain::retry::{Jitter, Policy};

/// Long enough not to hammer a Redis that starts, short enough to be back at once when it is.
pub(super) const BACKOFF: Policy = Policy {
    max_attempts: u32::MAX,
    first: Duration::from_millis(50),
    factor: 2.0,
    cap: Duration::from_secs(2),
};

/// A shared connection. Clones share it.
#[derive(Clone)]
pub(super) struct Link(Arc<Inner>);

struct Inner {
    name: &'static str,
    client: Client,
    options: AsyncConnectionConfig,
    connect_timeout: Duration,
    live: Mutex<Live>,
    /// Held while connecting, so that a crowd makes one attempt.
    connecting: tokio::sync::Mutex<()>,
    /// Also true before the first answer.
    failing: AtomicBool,
    health: Option<Health>,
}

#[derive(Default)]
struct Live {
    connection: Option<MultiplexedConnection>,
    /// Tells the current connection from one that a slow caller still holds.
    generation: u64,
    failures: u32,
    not_before: Option<Instant>,
    last_error: Option<RedisError>,
}

/// Reads `redis.url`; connects nowhere.
pub(super) fn client(settings: &config::Redis) -> Result<Client, QueueError> {
    Client::open(settings.url.reveal()).map_err(QueueError::Url)
}

impl Link {
    /// `answer_timeout` is how long a command may take, blocking included.
    pub(super) fn new(
        name: &'static str,
        settings: &config::Redis,
        answer_timeout: Duration,
        health: Option<Health>,
    ) -> Result<Self, QueueError> {
        let options = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(answer_timeout));
        Ok(Self(Arc::new(Inner {
            name,
            client: client(settings)?,
            options,
            connect_timeout: settings.connect_timeout,
            live: Mutex::default(),
            connecting: tokio::sync::Mutex::new(()),
            failing: AtomicBool::new(true),
            health,
        })))
    }

    /// Runs commands on the connection, opening one if there is none. Right after a failure it fails
    /// at once, with the reason of that failure, instead of trying again for each caller.
    pub(super) async fn call<T, F>(
        &self,
        commands: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, QueueError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (generation, connection) = self.open().await?;
        match commands(connection).await {
            Ok(answer) => {
                self.served();
                Ok(answer)
            }
            Err(error) => {
                let error = QueueError::from_redis(error);
                self.failed(Some(generation), &error);
                Err(error)
            }
        }
    }

    /// [`Self::call`] that ends after `limit`, connecting included.
    pub(super) async fn call_within<T, F>(
        &self,
        limit: Duration,
        commands: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, QueueError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        match timeout(limit, self.call(commands)).await {
            Ok(result) => result,
            Err(_) => {
                let error = QueueError::Timeout(limit);
                // The answer may still come, but the next caller should not queue up behind it.
                self.failed(None, &error);
                Err(error)
            }
        }
    }

    /// Waits until the delay after the last failure is over.
    pub(super) async fn pause(&self) {
        let until = self.0.lock().not_before;
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    /// An answer came, but makes no sense: counts as a failure, or its reader would spin.
    pub(super) fn reject(&self, error: &QueueError) {
        self.failed(None, error);
    }

    fn served(&self) {
        if self.0.failing.swap(false, Ordering::AcqRel) {
            let mut live = self.0.lock();
            live.failures = 0;
            live.not_before = None;
            drop(live);
            if let Some(health) = &self.0.health {
                health.up(self.0.name);
            }
        }
    }

    fn failed(&self, generation: Option<u64>, error: &QueueError) {
        let mut live = self.0.lock();
        if generation.is_some_and(|generation| generation != live.generation) {
            return;
        }
        if error.wants_new_connection() {
            live.connection = None;
        }
        self.0.backs_off(&mut live, error);
    }

    async fn open(&self) -> Result<(u64, MultiplexedConnection), QueueError> {
        if let Some(found) = self.0.current() {
            return Ok(found);
        }
        // In a task of its own, so that a caller who gives up does not undo a slow handshake.
        let inner = Arc::clone(&self.0);
        match tokio::spawn(async move { inner.connect().await }).await {
            Ok(result) => result,
            Err(error) => Err(QueueError::Task(Some(error))),
        }
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Option<(u64, MultiplexedConnection)> {
        let live = self.lock();
        live.connection.clone().map(|connection| (live.generation, connection))
    }

    async fn connect(&self) -> Result<(u64, MultiplexedConnection), QueueError> {
        let _turn = self.connecting.lock().await;
        if let Some(found) = self.current() {
            return Ok(found);
        }
        if let Some(error) = self.recent_failure() {
            return Err(error);
        }
        let opening = self.client.get_multiplexed_async_connection_with_config(&self.options);
        let result = match timeout(self.connect_timeout, opening).await {
            Ok(result) => result.map_err(QueueError::from_redis),
            Err(_) => Err(QueueError::Timeout(self.connect_timeout)),
        };
        let mut live = self.lock();
        match result {
            Ok(connection) => {
                live.generation += 1;
                live.connection = Some(connection.clone());
                Ok((live.generation, connection))
            }
            Err(error) => {
                self.backs_off(&mut live, &error);
                Err(error)
            }
        }
    }

    fn recent_failure(&self) -> Option<QueueError> {
        let live = self.lock();
        if live.not_before? <= Instant::now() {
            return None;
        }
        Some(match &live.last_error {
            Some(error) => QueueError::from_redis(error.clone()),
            None => QueueError::Timeout(self.connect_timeout),
        })
    }

    fn backs_off(&self, live: &mut Live, error: &QueueError) {
        live.failures = live.failures.saturating_add(1);
        // Never less than half: full jitter could be nothing at all, and then it spins.
        let share = Jitter::new(0.5 + 0.5 * rand::random::<f64>());
        live.not_before = Some(Instant::now() + BACKOFF.delay(live.failures, share));
        live.last_error = match error {
            QueueError::Refused(cause)
            | QueueError::Unreachable(cause)
            | QueueError::NotServing(cause)
            | QueueError::Url(cause) => Some(cause.clone()),
            QueueError::TooOld { .. }
            | QueueError::WrongType { .. }
            | QueueError::Timeout(_)
            | QueueError::Reply(_)
            | QueueError::Encode(_)
            | QueueError::Worker(_)
            | QueueError::Task(_) => None,
        };
        self.failing.store(true, Ordering::Release);
        // What answers is there. Whether it serves is for each user of the connection to report: a
        // full Redis refuses one command and does the next, so they would contradict each other.
        let answers = matches!(error, QueueError::NotServing(_) | QueueError::Reply(_));
        if let Some(health) = self.health.as_ref().filter(|_| !answers) {
            health.down(self.name, error.chain());
        }
    }
}
