//! State that all requests share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex as SyncMutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backfill::Backfill;
use crate::card_data::CardDataGuard;
use crate::commands::Commands;
use crate::config;
use crate::http::auth::{COOKIE, Guard, Keyring, Session, cookie};
use crate::http::{Peer, Problem};
use crate::ops::context::OpsContext;
use crate::ops::operations;
use crate::ops::queue::{self, PauseStatus};
use crate::ops::sessions;
use crate::ops::types::{OperationVerb, Running};

/// One admin server.
pub struct Admin {
    pub(super) keyring: Keyring,
    pub(super) guard: Guard,
    pub(super) behind_proxy: bool,
    pub(super) session_seconds: u64,
    pub(super) context: OpsContext,
    /// What acts on Stripe; none where the settings have no key for it.
    pub(super) commands: Option<Commands>,
    /// Looks at each text that is typed.
    pub(super) card_data: CardDataGuard,
    /// What continues backfills; none where the settings have no key to read with.
    pub(super) backfill: Option<Backfill>,
    running: TaskTracker,
    stop: CancellationToken,
    /// The pauses, cached: every page shows them.
    pauses: Mutex<Option<(Instant, Vec<PauseStatus>)>>,
    /// Sessions that were ended in this server, with their expiry in Unix seconds, for while Postgres is down.
    ended: SyncMutex<HashMap<String, u64>>,
}

/// Time for which the cached pauses are used.
const FRESH: Duration = Duration::from_secs(1);

/// How long a page waits for Redis to list the pauses.
const PATIENCE: Duration = Duration::from_millis(300);

/// How long a page waits to hear whether its session has been ended.
const SESSION_PATIENCE: Duration = Duration::from_secs(1);

impl Admin {
    /// Creates the server's state. `random` signs the sessions if no key is configured.
    #[must_use]
    pub fn new(settings: &config::Admin, context: OpsContext, random: [u8; 32]) -> Self {
        Self {
            keyring: Keyring::new(settings, random),
            guard: Guard::new(Instant::now()),
            behind_proxy: settings.behind_proxy,
            session_seconds: settings.session_ttl.as_secs(),
            context,
            commands: None,
            card_data: CardDataGuard::default(),
            backfill: None,
            running: TaskTracker::new(),
            stop: CancellationToken::new(),
            pauses: Mutex::new(None),
            ended: SyncMutex::default(),
        }
    }

    /// The same, where it may act on Stripe.
    #[must_use]
    pub fn acting(self, commands: Option<Commands>) -> Self {
        Self { commands, ..self }
    }

    /// The same, where some fields may hold long numbers, and where refusals are counted.
    #[must_use]
    pub fn guarded_by(self, card_data: CardDataGuard) -> Self {
        Self { card_data, ..self }
    }

    /// The same, where it may read from Stripe in bulk.
    #[must_use]
    pub fn backfilling(self, backfill: Option<Backfill>) -> Self {
        Self { backfill, ..self }
    }

    /// Whether it may act on Stripe.
    pub(super) fn acts(&self) -> bool {
        self.commands.is_some()
    }

    /// Runs an operation in this process in the background; its progress is in the database.
    pub(super) fn run(&self, running: Running) {
        let (context, stop) = (self.context.clone(), self.stop.clone());
        // A cancel needs nothing but the tables.
        let refunds =
            running.operation.verb == OperationVerb::Refund && !running.operation.cancel_requested;
        let commands = self.commands.clone().filter(|_| refunds);
        let reads = running.operation.verb == OperationVerb::Backfill
            && !running.operation.cancel_requested;
        let backfill = self.backfill.clone().filter(|_| reads);
        self.running.spawn(async move {
            let (id, verb) = (running.operation.id, running.operation.verb.as_str());
            let ended = match (commands, backfill) {
                (_, Some(backfill)) => {
                    let run = backfill.run(running, |_| {}, &stop).await;
                    run.map_err(|error| error.to_string())
                }
                (Some(commands), None) => {
                    let run = commands.run_refunds(running, |_| {}, &stop).await;
                    run.map_err(|error| error.to_string())
                }
                (None, None) => {
                    let (store, producer) = (&context.store, Some(&context.producer));
                    let run = operations::run(store, producer, running, |_| {}, &stop).await;
                    run.map_err(|error| error.to_string())
                }
            };
            match ended {
                Ok(it) => {
                    let (state, done, failed) = (it.state.as_str(), it.done, it.failed);
                    tracing::info!(operation = %id, verb, state, done, failed, "an operation ended");
                }
                Err(error) => {
                    tracing::error!(operation = %id, verb, %error, "an operation was interrupted");
                }
            }
        });
    }

    /// Interrupts the operations that run in this process before their next page, and waits until they have
    /// stopped. Any process can resume them.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.running.close();
        self.running.wait().await;
    }

    /// The paused lanes; empty while Redis does not answer.
    pub(super) async fn pauses(&self) -> Vec<PauseStatus> {
        let mut seen = self.pauses.lock().await;
        if let Some((at, pauses)) = &*seen
            && at.elapsed() < FRESH
        {
            return pauses.clone();
        }
        let look = tokio::time::timeout(PATIENCE, queue::pauses(&self.context.inspector)).await;
        let pauses = look.ok().and_then(Result::ok).unwrap_or_default();
        seen.insert((Instant::now(), pauses)).1.clone()
    }

    /// Drops the cached pauses, because an operator has just changed them.
    pub(super) async fn forget_pauses(&self) {
        *self.pauses.lock().await = None;
    }

    /// The client's address, for counting failures: of the connection, or as the proxy reports it.
    pub(super) fn address(&self, request: &Request) -> IpAddr {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
        let peer = peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        if !self.behind_proxy {
            return peer;
        }
        // The proxy adds the last one; the client may have forged those before it.
        let named = request.headers().get_all("x-forwarded-for").iter().next_back();
        let named = named.and_then(|value| value.to_str().ok()?.rsplit(',').next());
        named.and_then(|text| text.trim().parse().ok()).unwrap_or(peer)
    }

    /// The session of a request's cookie, unless it has been ended.
    pub(super) async fn session(&self, headers: &HeaderMap) -> Option<Session> {
        if self.keyring.is_open() {
            return Some(Session::local());
        }
        let cookies = headers.get_all(axum::http::header::COOKIE).iter();
        let cookies = cookies.filter_map(|value| value.to_str().ok());
        let value = cookies.into_iter().find_map(|header| cookie(header, COOKIE))?;
        let session = self.keyring.session(value, now())?;
        (!self.has_ended(&session).await).then_some(session)
    }

    /// Whether a session has been ended, on any server. While Postgres does not answer, only the sessions that
    /// were ended on this server are refused: operators need these pages during an outage.
    async fn has_ended(&self, session: &Session) -> bool {
        if self.ended().contains_key(session.id()) {
            return true;
        }
        let look = sessions::has_ended(&self.context.store, session.id());
        matches!(tokio::time::timeout(SESSION_PATIENCE, look).await, Ok(Ok(true)))
    }

    /// Ends a session before its time.
    pub(super) async fn end_session(&self, session: &Session) -> Result<(), Problem> {
        if self.keyring.is_open() {
            return Ok(());
        }
        {
            let mut ended = self.ended();
            let now = now();
            ended.retain(|_, expires| *expires > now);
            ended.insert(session.id().to_owned(), session.expires());
        }
        let noted = sessions::end(&self.context.store, session.id(), session.expires()).await;
        noted.map_err(|error| {
            let detail = format!(
                "You are signed out in this browser and on this server. Other servers accept a copy of the cookie \
                 until it expires, because Postgres (database.url) is not available: {error}"
            );
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ended", detail)
        })
    }

    fn ended(&self) -> std::sync::MutexGuard<'_, HashMap<String, u64>> {
        // Entries cannot be left half-written by a panic elsewhere.
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
