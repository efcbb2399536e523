//! Health of Redis, as the parts of the consumer find it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::Clock;
use super::error::QueueError;

/// Whether Redis serves us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisHealth {
    /// It does.
    Up,
    /// It does not.
    Down {
        /// Since when.
        since: SystemTime,
        /// What it, or the network, said first.
        error: String,
    },
}

/// Collects the findings of all connections; down as soon as one of them is. It is also where an
/// outage is logged: once when it begins, once when it ends.
#[derive(Debug, Clone)]
pub(super) struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    state: watch::Sender<RedisHealth>,
    parts: Mutex<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    failing: BTreeMap<&'static str, String>,
    up_since: Option<Instant>,
}

impl Health {
    pub(super) fn new(clock: Clock) -> Self {
        let unknown =
            RedisHealth::Down { since: SystemTime::now(), error: "not connected yet".to_owned() };
        let (state, _) = watch::channel(unknown);
        Self(Arc::new(Inner { clock, state, parts: Mutex::default() }))
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<RedisHealth> {
        self.0.state.subscribe()
    }

    /// Since when Redis serves us: since the first answer, or the end of the last outage. An outage may
    /// have ended right before the first answer.
    pub(super) fn up_since(&self) -> Option<Instant> {
        self.0.parts.lock().unwrap_or_else(PoisonError::into_inner).up_since
    }

    /// Takes a part's own finding: Redis answered, but did not do it. A connection that broke
    /// reports itself.
    pub(super) fn report<T>(&self, part: &'static str, result: &Result<T, QueueError>) {
        match result {
            Ok(_) => self.up(part),
            Err(error @ (QueueError::NotServing(_) | QueueError::Reply(_))) => {
                self.down(part, error.chain());
            }
            Err(_) => {}
        }
    }

    pub(super) fn down(&self, part: &'static str, error: String) {
        let mut parts = self.0.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = parts.failing.is_empty();
        parts.failing.insert(part, error.clone());
        if begins {
            tracing::warn!(part, error, "redis is down; jobs wait, and no attempt is spent");
            self.0.state.send_replace(RedisHealth::Down { since: SystemTime::now(), error });
        }
    }

    pub(super) fn up(&self, part: &'static str) {
        let mut parts = self.0.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = parts.failing.remove(part).is_some();
        if !parts.failing.is_empty() {
            return;
        }
        if failed || parts.up_since.is_none() {
            parts.up_since = Some(self.0.clock.now());
        }
        if failed {
            tracing::info!("redis is back");
        }
        self.0.state.send_if_modified(|state| {
            let changed = *state != RedisHealth::Up;
            *state = RedisHealth::Up;
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_is_up_only_when_it_is_for_every_part() {
        let health = Health::new(Clock::system());
        let state = health.subscribe();
        health.up("a");
        assert_eq!(*state.borrow(), RedisHealth::Up);
        let first = health.up_since().expect("it is up");
        health.down("a", "first".into());
        health.down("b", "second".into());
        health.up("a");
        assert!(
            matches!(&*state.borrow(), RedisHealth::Down { error, .. } if error == "first"),
            "b is still down, and what was said first is kept"
        );
        health.up("b");
        assert_eq!(*state.borrow(), RedisHealth::Up);
        assert!(health.up_since().expect("it is up again") > first);
    }
}
