//! What all parts of a running simulator share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api::Limiter;
use super::chaos::{Chaos, Dice};
use super::clock::Clock;
use super::config::{Config, is_live};
use super::faults::Faults;
use super::ids::Ids;
use super::objects::{Cause, Event};
use super::stats::RequestCounters;
use super::webhooks::Dispatcher;
use super::world::{Scope, Tx, World};

pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    world: Mutex<World>,
    chaos: Mutex<Chaos>,
    pub(crate) faults: Faults,
    pub(crate) counters: RequestCounters,
    pub(crate) limiter: Limiter,
    pub(crate) office: Dispatcher,
    auto_deliver: AtomicBool,
    changes: AtomicU64,
    requests: AtomicU64,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Core {
    pub(crate) fn new(config: Config) -> Self {
        let world = World {
            books: Default::default(),
            ids: Ids::new(config.seed),
            revoked: Default::default(),
        };
        Self {
            clock: Clock::new(config.start_at),
            world: Mutex::new(world),
            chaos: Mutex::new(Chaos::default()),
            faults: Faults::default(),
            counters: RequestCounters::default(),
            limiter: Limiter::default(),
            office: Dispatcher::default(),
            auto_deliver: AtomicBool::new(config.auto_deliver),
            changes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn chaos(&self) -> Chaos {
        self.chaos.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_chaos(&self, change: impl FnOnce(&mut Chaos)) {
        change(&mut self.chaos.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn scope(&self, account: Option<&str>) -> Scope {
        let account = account.filter(|id| *id != self.config.account).map(str::to_owned);
        Scope { account, livemode: is_live(&self.config.secret_key) }
    }

    pub(crate) fn set_auto_deliver(&self, auto: bool) {
        self.auto_deliver.store(auto, Ordering::Relaxed);
    }

    /// An event of any account and mode.
    pub(crate) fn event(&self, id: &str) -> Option<Arc<Event>> {
        self.world().books.values().find_map(|books| books.events.get(id).cloned())
    }

    /// The number of the next request: what its dice are thrown by.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Runs one action on the books of one account, alone.
    ///
    /// The time is read, the objects changed and the events handed to the post office under one
    /// lock, so that reads are linearizable and events leave in the order in which they happened.
    pub(crate) fn act<T>(
        &self,
        scope: &Scope,
        cause: Cause,
        version: &str,
        action: impl FnOnce(&mut Tx<'_>) -> T,
    ) -> T {
        let (lag, list_lag) = (self.event_lag(), self.chaos().list_lag_seconds);
        let mut world = self.world();
        let World { books, ids, .. } = &mut *world;
        let now = self.clock.now();
        let mut tx = Tx {
            books: books.entry(scope.clone()).or_default(),
            ids,
            scope,
            now,
            event_lag: lag,
            cause,
            version,
            began: false,
            listed_until: now - i64::from(list_lag),
            emitted: Vec::new(),
        };
        let result = action(&mut tx);
        let auto = self.auto_deliver.load(Ordering::Relaxed);
        for event in tx.emitted {
            self.office.announce(&event, auto);
        }
        result
    }

    fn event_lag(&self) -> i64 {
        let most = self.chaos().event_lag_seconds;
        let number = self.changes.fetch_add(1, Ordering::Relaxed);
        i64::from(Dice::of(self.config.seed, &format!("lag {number}")).below(most + 1))
    }
}
