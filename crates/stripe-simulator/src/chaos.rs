//! How the simulator misbehaves, all of it adjustable while it runs.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// What goes wrong, and how often: shares lie between 0 (never) and 1 (always).
///
/// The default is calm weather. Every roll of the dice comes from the seed and from what it is
/// about (an event's id, a request's number), so that it does not depend on how threads interleave.
#[derive(Debug, Clone, PartialEq)]
pub struct Chaos {
    /// Share of deliveries that arrive more than once.
    pub duplicates: f64,
    /// How long after the first copy the others may come.
    pub duplicates_within: Duration,
    /// Each delivery waits for a random part of this, so that they arrive in another order.
    pub reorder_within: Duration,
    /// Every delivery waits at least so long.
    pub delay: Duration,
    /// Share of deliveries before which a forged copy arrives: only `v0`, or a wrong secret.
    pub forged: f64,
    /// Share of deliveries whose snapshot is in the version of 2020-08-27.
    pub old_snapshots: f64,
    /// Signatures are this many seconds old; the sign may be either.
    pub signature_age: i64,
    /// An event's `created` may lie up to so many seconds behind the clock of the answers: Stripe's
    /// machines do not share one clock.
    pub event_lag_seconds: u32,

    /// Share of requests answered 429.
    pub rate_limited: f64,
    /// Share of those 429 that say `Retry-After`.
    pub retry_after: f64,
    /// Requests a second that each endpoint lets through, before 429; none: all.
    pub endpoint_rate: Option<u32>,
    /// Share of requests answered 500.
    pub server_errors: f64,
    /// Share of requests that are never answered.
    pub hangs: f64,
    /// Share of requests that are answered late: half of them looked at late, half looked at at
    /// once and the answer kept back, so that it is stale when it arrives.
    pub slow: f64,
    /// How late.
    pub slow_by: Duration,
    /// Share of requests whose connection ends without an answer: half of them before the request
    /// took effect, half after.
    pub resets: f64,
    /// Every key is wrong.
    pub reject_keys: bool,
    /// Every key opens another account, in which nothing ever happened.
    pub other_account: bool,
    /// The API is not there: connections end at once.
    pub down: bool,
}

impl Default for Chaos {
    fn default() -> Self {
        Self {
            duplicates: 0.0,
            duplicates_within: Duration::from_millis(100),
            reorder_within: Duration::ZERO,
            delay: Duration::ZERO,
            forged: 0.0,
            old_snapshots: 0.0,
            signature_age: 0,
            event_lag_seconds: 0,
            rate_limited: 0.0,
            retry_after: 0.0,
            endpoint_rate: None,
            server_errors: 0.0,
            hangs: 0.0,
            slow: 0.0,
            slow_by: Duration::from_millis(500),
            resets: 0.0,
            reject_keys: false,
            other_account: false,
            down: false,
        }
    }
}

/// Dice of one thing: the same for the same seed and thing, whatever else happens.
pub(crate) struct Dice(StdRng);

impl Dice {
    pub(crate) fn of(seed: u64, what: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(what.as_bytes());
        Self(StdRng::from_seed(hash.finalize().into()))
    }

    /// True in this share of cases. Always rolls, so that one switch does not move the others.
    pub(crate) fn roll(&mut self, share: f64) -> bool {
        self.0.random::<f64>() < share
    }

    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.0.random::<f64>())
    }

    pub(crate) fn below(&mut self, count: u32) -> u32 {
        self.0.random_range(0..count.max(1))
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.0.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_thing_roll_the_same() {
        let rolls = |seed, what: &str| {
            let mut dice = Dice::of(seed, what);
            (0..64).map(|_| dice.roll(0.5)).collect::<Vec<_>>()
        };
        assert_eq!(rolls(1, "evt_1"), rolls(1, "evt_1"));
        assert_ne!(rolls(1, "evt_1"), rolls(2, "evt_1"));
        assert_ne!(rolls(1, "evt_1"), rolls(1, "evt_2"));
    }

    #[test]
    fn never_and_always_are_just_that() {
        let mut dice = Dice::of(0, "edge");
        assert!((0..1000).all(|_| !dice.roll(0.0)));
        assert!((0..1000).all(|_| dice.roll(1.0)));
    }
}
