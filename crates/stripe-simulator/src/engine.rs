//! The state that all parts of a running simulator share.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::card_forms::CardForms;
use super::chaos::{Chaos, Random};
use super::clock::Clock;
use super::config::{Config, is_live};
use super::faults::Faults;
use super::ids::Ids;
use super::limiter::Limiter;
use super::objects::{Cause, Event};
use super::scope::Scope;
use super::stats::RequestCounters;
use super::store::{Store, Tx};
use super::webhooks::Dispatcher;

pub(crate) struct Engine {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    store: Mutex<Store>,
    chaos: Mutex<Chaos>,
    pub(crate) faults: Faults,
    pub(crate) counters: RequestCounters,
    pub(crate) limiter: Limiter,
    pub(crate) webhooks: Dispatcher,
    pub(crate) card_forms: CardForms,
    auto_deliver: AtomicBool,
    swallowed: Mutex<BTreeSet<String>>,
    changes: AtomicU64,
    requests: AtomicU64,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Engine {
    pub(crate) fn new(config: Config) -> Self {
        let store = Store {
            objects: Default::default(),
            ids: Ids::new(config.seed),
            revoked: Default::default(),
        };
        Self {
            clock: Clock::new(config.start_at),
            store: Mutex::new(store),
            chaos: Mutex::new(Chaos::default()),
            faults: Faults::default(),
            counters: RequestCounters::default(),
            limiter: Limiter::default(),
            webhooks: Dispatcher::default(),
            card_forms: CardForms::default(),
            auto_deliver: AtomicBool::new(config.auto_deliver),
            swallowed: Mutex::default(),
            changes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
        }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.store().objects.values().find_map(|objects| objects.events.get(id).cloned())
    }

    /// The number of the next request: what seeds its random choices.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Runs one action on the objects of one account, alone.
    ///
    /// The time is read, the objects changed and the events queued for their endpoints under one
    /// lock, so that reads are linearizable and events leave in the order in which they happened.
    pub(crate) fn act<T>(
        &self,
        scope: &Scope,
        cause: Cause,
        version: &str,
        action: impl FnOnce(&mut Tx<'_>) -> T,
    ) -> T {
        let (lag, list_lag) = (self.event_lag(), self.chaos().list_lag_seconds);
        let mut store = self.store();
        let Store { objects, ids, .. } = &mut *store;
        let now = self.clock.now();
        let mut tx = Tx {
            objects: objects.entry(scope.clone()).or_default(),
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
            if !self.swallows(&event.id) {
                self.webhooks.publish(&event, auto);
            }
        }
        result
    }

    /// Whether an event is never delivered.
    fn swallows(&self, event: &str) -> bool {
        let share = self.chaos().swallowed;
        let swallows = Random::of(self.config.seed, &format!("swallow {event}")).happens(share);
        if swallows {
            self.swallowed().insert(event.to_owned());
        }
        swallows
    }

    /// The events that were never delivered.
    pub(crate) fn swallowed(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.swallowed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The second from which an event is listed.
    pub(crate) fn listable_at(&self, event: &Event) -> i64 {
        let chaos = self.chaos();
        let what = format!("list {}", event.id);
        let late = Random::of(self.config.seed, &what).happens(chaos.events_listed_late);
        let by = if late { i64::from(chaos.events_listed_late_by_seconds) } else { 0 };
        event.created.saturating_add(by)
    }

    fn event_lag(&self) -> i64 {
        let most = self.chaos().event_lag_seconds;
        let number = self.changes.fetch_add(1, Ordering::Relaxed);
        i64::from(Random::of(self.config.seed, &format!("lag {number}")).below(most + 1))
    }
}
