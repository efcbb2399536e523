//! Rate limit for failed sign-ins.
//!
//! A token cannot be guessed; the limit keeps attempts from filling the log, and asks clients to slow down. It is
//! applied after a token was found wrong, and never before: comparing one costs a hash, and a limit that also
//! refused valid tokens would let any client lock the operators out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Window of the limit.
const WINDOW: Duration = Duration::from_secs(60);
/// Most failures of one address in a window.
const EACH: u32 = 10;
/// Most failures of all addresses in a window.
const ALL: u32 = 100;
/// Most addresses that are counted separately; further ones count in the total only.
const REMEMBERED: usize = 4096;

/// There were too many failures in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyFailures {
    /// Seconds until the window ends.
    pub for_seconds: u64,
}

#[derive(Debug)]
struct Counts {
    since: Instant,
    all: u32,
    each: HashMap<IpAddr, u32>,
}

/// Counts failed sign-ins by address and in total.
#[derive(Debug)]
pub struct Guard(Mutex<Counts>);

impl Guard {
    /// Creates a guard without failures.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new(Counts { since: now, all: 0, each: HashMap::new() }))
    }

    /// Counts a wrong token from an address.
    ///
    /// # Errors
    /// There were too many failures from the address, or in total.
    pub fn wrong(&self, address: IpAddr, now: Instant) -> Result<(), TooManyFailures> {
        let mut counts = self.counts(now);
        counts.all = counts.all.saturating_add(1);
        let mut from_there = 0;
        if counts.each.len() < REMEMBERED || counts.each.contains_key(&address) {
            let count = counts.each.entry(address).or_insert(0);
            *count = count.saturating_add(1);
            from_there = *count;
        }
        if from_there <= EACH && counts.all <= ALL {
            return Ok(());
        }
        let left = WINDOW.saturating_sub(now.saturating_duration_since(counts.since));
        Err(TooManyFailures { for_seconds: left.as_secs().max(1) })
    }

    /// Locks the counts of the current window.
    fn counts(&self, now: Instant) -> std::sync::MutexGuard<'_, Counts> {
        // A panic elsewhere cannot leave the numbers inconsistent.
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
    fn an_address_is_limited_after_ten_failures_and_the_next_one_is_not() {
        let begin = Instant::now();
        let guard = Guard::new(begin);
        for _ in 0..10 {
            assert_eq!(guard.wrong(address(1), begin), Ok(()));
        }
        let later = begin + Duration::from_secs(20);
        assert_eq!(guard.wrong(address(1), later), Err(TooManyFailures { for_seconds: 40 }));
        assert_eq!(guard.wrong(address(2), later), Ok(()));
        assert_eq!(guard.wrong(address(1), begin + WINDOW), Ok(()));
    }

    #[test]
    fn many_addresses_together_are_limited_too() {
        let begin = Instant::now();
        let guard = Guard::new(begin);
        for last in 0..100 {
            assert_eq!(guard.wrong(address(last), begin), Ok(()));
        }
        assert!(guard.wrong(address(200), begin).is_err());
    }
}
