//! The retry policy of a failed job. One pure function decides: [`decide`].
//!
//! This is the one module that names the `backoff` crate. It is no longer maintained
//! (RUSTSEC-2025-0012), and its `retry` helpers read the clock and draw random numbers where no
//! test can reach them. What is used of it is its policy type, for the arithmetic of an exponential
//! series with a cap; the randomness is switched off (factor 0) and the jitter is handed in.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;

use super::failure::{Class, Failure};

/// Longest wait that the other side may ask for. Asking again after an hour harms nobody; believing
/// a garbled `Retry-After` could park a job for years.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

/// The most that a wait which the other side asked for is spread over.
const LONGEST_SPREAD: Duration = Duration::from_mins(1);

/// An exponential series of delays: `first`, `first * factor`, ..., never more than `cap`.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Attempts before a job is dead-lettered, the first one included.
    pub max_attempts: u32,
    /// The longest delay after the first failure.
    pub first: Duration,
    /// What each further delay is multiplied by; at least 1.
    pub factor: f64,
    /// The longest delay of all.
    pub cap: Duration,
}

/// A number in `0.0..=1.0`, drawn by the caller: the share of the longest delay to wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// Clamps the number into its range.
    #[must_use]
    pub fn new(share: f64) -> Self {
        Self(if share.is_nan() { 1.0 } else { share.clamp(0.0, 1.0) })
    }
}

impl Policy {
    /// The longest delay after `attempt` failures, without jitter. `attempt` counts from 1.
    #[must_use]
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let mut series = ExponentialBackoff {
            current_interval: self.first,
            initial_interval: self.first,
            randomization_factor: 0.0,
            multiplier: self.factor,
            max_interval: self.cap,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        let mut delay = self.first.min(self.cap);
        // The series stands still once it reaches the cap, so there is nothing to gain after that.
        for _ in 0..attempt {
            match series.next_backoff() {
                Some(next) if next < self.cap => delay = next,
                Some(_) | None => return self.cap,
            }
        }
        delay
    }

    /// Full jitter: anywhere between nothing and the ceiling, so that jobs which failed together
    /// do not come back together.
    #[must_use]
    pub fn delay(&self, attempt: u32, jitter: Jitter) -> Duration {
        self.ceiling(attempt).mul_f64(jitter.0)
    }
}

/// The decision about a job that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Again later; costs an attempt.
    Retry {
        /// How much later.
        after: Duration,
    },
    /// Again later; costs none, because the job is not at fault.
    Snooze {
        /// How much later.
        after: Duration,
    },
    /// Never again by itself.
    DeadLetter {
        /// Why.
        reason: DeadReason,
    },
}

/// Why a job was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeadReason {
    /// No repetition would mend it.
    Permanent,
    /// Its attempts are used up.
    Exhausted,
    /// It killed its worker again and again.
    Poison,
}

impl DeadReason {
    /// `permanent`, `exhausted`, `poison`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Exhausted => "exhausted",
            Self::Poison => "poison",
        }
    }
}

/// Decides what becomes of a job whose attempt number `attempt` (from 1) just failed.
///
/// `Stripe-Should-Retry: true` has an attempt made again that we would have given up
/// (docs.stripe.com, "Error handling"). `false` gives up none: it says that the same request would
/// fail in the same way *now*, and ours are reads, which can be sent again at any time without harm.
#[must_use]
pub fn decide(failure: &Failure, attempt: u32, policy: &Policy, jitter: Jitter) -> Decision {
    let backoff = || policy.delay(attempt, jitter);
    let retry = |after| {
        if attempt >= policy.max_attempts {
            Decision::DeadLetter { reason: DeadReason::Exhausted }
        } else {
            Decision::Retry { after }
        }
    };
    match (failure.class, failure.should_retry) {
        (Class::Unavailable(_) | Class::Misconfigured(_), _) => {
            Decision::Snooze { after: backoff() }
        }
        (Class::RateLimited { retry_after }, _) => {
            // Spread, or the whole pool wakes in the same instant; a long wait not over as much again.
            let after =
                retry_after.map(|asked| asked.min(LONGEST_ASKED)).map_or_else(backoff, |asked| {
                    asked.saturating_add(asked.min(LONGEST_SPREAD).mul_f64(jitter.0))
                });
            Decision::Snooze { after }
        }
        (Class::TooEarly { again_after }, _) => Decision::Snooze { after: again_after },
        (Class::Permanent, Some(false) | None) => {
            Decision::DeadLetter { reason: DeadReason::Permanent }
        }
        (Class::Transient, _) | (Class::Permanent, Some(true)) => retry(backoff()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::failure::Dependency;
    use super::*;

    fn policy() -> Policy {
        Policy {
            max_attempts: 5,
            first: Duration::from_secs(1),
            factor: 2.0,
            cap: Duration::from_secs(10),
        }
    }

    fn failure(class: Class, should_retry: Option<bool>) -> Failure {
        Failure { class, code: "x".into(), chain: vec![], request_id: None, should_retry }
    }

    #[test]
    fn the_delay_doubles_up_to_its_cap() {
        let seconds: Vec<_> = (1..=6).map(|n| policy().ceiling(n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn jitter_takes_any_share_of_the_delay() {
        assert_eq!(policy().delay(3, Jitter::new(0.0)), Duration::ZERO);
        assert_eq!(policy().delay(3, Jitter::new(0.5)), Duration::from_secs(2));
        assert_eq!(policy().delay(3, Jitter::new(1.0)), Duration::from_secs(4));
        assert_eq!(policy().delay(3, Jitter::new(f64::NAN)), Duration::from_secs(4));
    }

    #[test]
    fn an_outage_never_costs_an_attempt() {
        for class in [
            Class::Unavailable(Dependency::Stripe),
            Class::Misconfigured(Dependency::Stripe),
            Class::RateLimited { retry_after: None },
        ] {
            for should_retry in [None, Some(true), Some(false)] {
                let decision =
                    decide(&failure(class, should_retry), 99, &policy(), Jitter::new(1.0));
                assert_eq!(
                    decision,
                    Decision::Snooze { after: Duration::from_secs(10) },
                    "{class:?}"
                );
            }
        }
    }

    #[test]
    fn a_transient_failure_is_retried_until_its_attempts_are_used_up() {
        let failure = failure(Class::Transient, None);
        let decide = |n| decide(&failure, n, &policy(), Jitter::new(1.0));
        assert_eq!(decide(4), Decision::Retry { after: Duration::from_secs(8) });
        assert_eq!(decide(5), Decision::DeadLetter { reason: DeadReason::Exhausted });
    }

    #[test]
    fn stripes_own_word_brings_another_attempt_and_takes_none() {
        let decide = |class, word| decide(&failure(class, word), 1, &policy(), Jitter::new(1.0));
        assert_eq!(
            decide(Class::Transient, Some(false)),
            Decision::Retry { after: Duration::from_secs(1) }
        );
        assert_eq!(
            decide(Class::Permanent, Some(true)),
            Decision::Retry { after: Duration::from_secs(1) }
        );
        assert_eq!(
            decide(Class::Permanent, None),
            Decision::DeadLetter { reason: DeadReason::Permanent }
        );
    }

    #[test]
    fn a_wait_that_stripe_asks_for_is_honoured_and_spread() {
        let class = Class::RateLimited { retry_after: Some(Duration::from_secs(3)) };
        let decide = |share| decide(&failure(class, None), 1, &policy(), Jitter::new(share));
        assert_eq!(decide(0.0), Decision::Snooze { after: Duration::from_secs(3) });
        assert_eq!(decide(1.0), Decision::Snooze { after: Duration::from_secs(6) });
    }

    #[test]
    fn a_wait_of_an_hour_does_not_become_two() {
        let class = Class::RateLimited { retry_after: Some(Duration::from_hours(1)) };
        let decision = decide(&failure(class, None), 1, &policy(), Jitter::new(1.0));
        assert_eq!(decision, Decision::Snooze { after: Duration::from_mins(61) });
    }

    #[test]
    fn a_look_that_came_too_early_is_made_again_when_it_is_due() {
        let again_after = Duration::from_millis(700);
        let early = failure(Class::TooEarly { again_after }, Some(false));
        let decision = decide(&early, 99, &policy(), Jitter::new(1.0));
        assert_eq!(decision, Decision::Snooze { after: again_after });
    }

    #[test]
    fn an_absurd_wait_is_cut_short() {
        let class = Class::RateLimited { retry_after: Some(Duration::MAX) };
        let decision = decide(&failure(class, None), 1, &policy(), Jitter::new(1.0));
        assert_eq!(decision, Decision::Snooze { after: LONGEST_ASKED + LONGEST_SPREAD });
    }
}
