//! How often one may be wrong.
//!
//! A token cannot be guessed; this keeps those who try from filling the log and the CPU, and makes
//! them seen.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// Failures of one address in a window.
const EACH: u32 = 10;
/// Failures of all addresses in a window.
const ALL: u32 = 100;
/// Addresses that are remembered; beyond, only the sum of all is counted.
const REMEMBERED: usize = 4096;

/// Too many were wrong: nobody is let in for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Until it may be tried again.
    pub for_seconds: u64,
}

#[derive(Debug)]
struct Counts {
    since: Instant,
    all: u32,
    each: HashMap<IpAddr, u32>,
}

/// Counts failed sign-ins.
#[derive(Debug)]
pub struct Guard(Mutex<Counts>);

impl Guard {
    /// Nobody was wrong yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new(Counts { since: now, all: 0, each: HashMap::new() }))
    }

    /// Whether somebody there may try.
    ///
    /// # Errors
    /// They, or all together, were wrong too often.
    pub fn check(&self, address: IpAddr, now: Instant) -> Result<(), Held> {
        let counts = self.counts(now);
        let wrong = counts.each.get(&address).copied().unwrap_or(0);
        if wrong < EACH && counts.all < ALL {
            return Ok(());
        }
        let left = WINDOW.saturating_sub(now.saturating_duration_since(counts.since));
        Err(Held { for_seconds: left.as_secs().max(1) })
    }

    /// Somebody there was wrong.
    pub fn wrong(&self, address: IpAddr, now: Instant) {
        let mut counts = self.counts(now);
        counts.all = counts.all.saturating_add(1);
        if counts.each.len() < REMEMBERED || counts.each.contains_key(&address) {
            let count = counts.each.entry(address).or_insert(0);
            *count = count.saturating_add(1);
        }
    }

    /// The counts of the window that runs.
    fn counts(&self, now: Instant) -> std::sync::MutexGuard<'_, Counts> {
        // Numbers cannot be left half-changed by a panic elsewhere.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(counts.since) >= WINDOW {
            *counts = Counts { since: now, all: 0, each: HashMap::new() };
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn one_address_is_held_after_ten_failures_and_the_next_one_is_not() {
        let begin = Instant::now();
        let guard = Guard::new(begin);
        for _ in 0..10 {
            assert_eq!(guard.check(address(1), begin), Ok(()));
            guard.wrong(address(1), begin);
        }
        let later = begin + Duration::from_secs(20);
        assert_eq!(guard.check(address(1), later), Err(Held { for_seconds: 40 }));
        assert_eq!(guard.check(address(2), later), Ok(()));
        assert_eq!(guard.check(address(1), begin + WINDOW), Ok(()));
    }

    #[test]
    fn many_addresses_together_are_held_too() {
        let begin = Instant::now();
        let guard = Guard::new(begin);
        for last in 0..100 {
            guard.wrong(address(last), begin);
        }
        assert!(guard.check(address(200), begin).is_err());
    }
}
