//! A shared connection to Redis that is opened again after a failure, with a growing delay that all its users
//! share.
//!
//! Not `redis::aio::ConnectionManager`, which also reconnects. What the queue needs and it does not give:
//! - A caller that finds Redis down gets the error of the last attempt at once. The manager keeps the attempt
//!   to connect as a shared future, and each command waits for it, with all of its retries and their delays:
//!   an ingress that has to answer 503 in time would hold its requests instead.
//! - The delay grows for as long as the outage lasts. The manager gives up after `number_of_retries`, and the
//!   next command begins with the shortest delay again.
//! - Failures are counted by attempt ([`super::generations`]), so a hundred commands that a broken connection
//!   fails do not make the delay a hundred steps longer, and a late answer of the old connection says nothing
//!   of the new one.
//! - A new connection is opened not only when the socket breaks. After a failover the old primary answers
//!   `READONLY` or `MASTERDOWN`, and one that hangs does not answer at all; a new connection to the same
//!   address may lead to the new primary ([`QueueError::wants_new_connection`]). The manager keeps the
//!   connection in all three cases (redis 1.8, `RedisError::retry_method`).
//! - Each outage is reported once, when it begins and when it ends ([`Health`]).
//!
//! A pool would not help either: one connection carries any number of commands at once (pipelining), and what
//! blocks (`XREADGROUP`) has a connection of its own.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::error::QueueError;
use super::generations::{BACKOFF, Generations, Ticket};
use super::health::Health;
use quittance_config as config;
use quittance_domain::retry::Jitter;

/// A shared connection. Clones share it.
#[derive(Clone)]
pub(super) struct Link(Arc<Inner>);

struct Inner {
    name: &'static str,
    client: Client,
    options: AsyncConnectionConfig,
    connect_timeout: Duration,
    live: Mutex<Live>,
    /// Locked while connecting, so that many callers make one attempt.
    connecting: tokio::sync::Mutex<()>,
    /// Also true before the first answer.
    failing: AtomicBool,
    health: Option<Health>,
}

#[derive(Default)]
struct Live {
    connection: Option<MultiplexedConnection>,
    generations: Generations,
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
        self.call_and_read(commands, Ok).await
    }

    /// [`Self::call`] whose answer is read. One that makes no sense counts as a failure of its
    /// connection, or its reader would spin.
    pub(super) async fn call_and_read<T, U, F>(
        &self,
        commands: impl FnOnce(MultiplexedConnection) -> F,
        read: impl FnOnce(T) -> Result<U, QueueError>,
    ) -> Result<U, QueueError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (ticket, connection) = self.open().await?;
        let answer = commands(connection).await.map_err(QueueError::from_redis);
        self.noted(ticket, answer.and_then(read))
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
        let deadline = Instant::now() + limit;
        // Connecting goes on in its own task, and counts its own failure.
        let Ok(opened) = timeout_at(deadline, self.open()).await else {
            return Err(QueueError::Timeout(limit));
        };
        let (ticket, connection) = opened?;
        // The answer may still come, but the next caller should not queue up behind it.
        let answer = timeout_at(deadline, commands(connection)).await;
        let answer = answer.map_err(|_| QueueError::Timeout(limit));
        self.noted(ticket, answer.and_then(|answer| answer.map_err(QueueError::from_redis)))
    }

    /// Waits until the delay after the last failure is over.
    pub(super) async fn pause(&self) {
        let until = self.0.lock().generations.not_before();
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    fn noted<T>(&self, ticket: Ticket, result: Result<T, QueueError>) -> Result<T, QueueError> {
        match &result {
            Ok(_) => self.served(ticket),
            Err(error) => self.failed(ticket, error),
        }
        result
    }

    fn served(&self, ticket: Ticket) {
        // The look first: nearly all calls end here.
        if !self.0.failing.load(Ordering::Acquire) {
            return;
        }
        let mut live = self.0.lock();
        if !live.generations.succeeded(ticket) {
            return;
        }
        self.0.failing.store(false, Ordering::Release);
        drop(live);
        if let Some(health) = &self.0.health {
            health.up(self.0.name);
        }
    }

    fn failed(&self, ticket: Ticket, error: &QueueError) {
        let mut live = self.0.lock();
        if error.wants_new_connection() && live.generations.is_of_this_connection(ticket) {
            live.connection = None;
        }
        self.0.backs_off(&mut live, ticket, error);
    }

    async fn open(&self) -> Result<(Ticket, MultiplexedConnection), QueueError> {
        if let Some(found) = self.0.current() {
            return Ok(found);
        }
        let ticket = self.0.lock().generations.ticket();
        // In a task of its own, so that a caller who gives up does not undo a slow handshake.
        let inner = Arc::clone(&self.0);
        match tokio::spawn(async move { inner.connect().await }).await {
            Ok(result) => result,
            Err(error) => {
                let error = QueueError::Task(error);
                self.failed(ticket, &error);
                Err(error)
            }
        }
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Option<(Ticket, MultiplexedConnection)> {
        let live = self.lock();
        live.connection.clone().map(|connection| (live.generations.ticket(), connection))
    }

    async fn connect(&self) -> Result<(Ticket, MultiplexedConnection), QueueError> {
        let _turn = self.connecting.lock().await;
        if let Some(found) = self.current() {
            return Ok(found);
        }
        if let Some(error) = self.recent_failure() {
            return Err(error);
        }
        let ticket = self.lock().generations.ticket();
        let opening = self.client.get_multiplexed_async_connection_with_config(&self.options);
        let result = match timeout(self.connect_timeout, opening).await {
            Ok(result) => result.map_err(QueueError::from_redis),
            Err(_) => Err(QueueError::Timeout(self.connect_timeout)),
        };
        let mut live = self.lock();
        match result {
            Ok(connection) => {
                live.connection = Some(connection.clone());
                Ok((live.generations.connected(), connection))
            }
            Err(error) => {
                self.backs_off(&mut live, ticket, &error);
                Err(error)
            }
        }
    }

    fn recent_failure(&self) -> Option<QueueError> {
        let live = self.lock();
        if live.generations.not_before()? <= Instant::now() {
            return None;
        }
        Some(match &live.last_error {
            Some(error) => QueueError::from_redis(error.clone()),
            None => QueueError::Timeout(self.connect_timeout),
        })
    }

    fn backs_off(&self, live: &mut Live, ticket: Ticket, error: &QueueError) {
        // Never less than half: full jitter could be nothing at all, and then it spins.
        let share = Jitter::new(0.5 + 0.5 * rand::random::<f64>());
        if !live.generations.failed(ticket, Instant::now(), &BACKOFF, share) {
            return;
        }
        live.last_error = match error {
            QueueError::Refused(cause)
            | QueueError::Unreachable(cause)
            | QueueError::NotServing(cause)
            | QueueError::Moved(cause)
            | QueueError::Url(cause) => Some(cause.clone()),
            QueueError::Sentinel
            | QueueError::TooOld { .. }
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
