//! Number of notifications that a relay claims ahead of sending them.

use std::time::Duration;

/// Time to claim ahead: long enough for senders to go on at their rate while the next claim is made, and
/// no longer, because another relay cannot send what is claimed here.
const AHEAD: Duration = Duration::from_millis(250);

/// Most notifications claimed ahead.
const MOST: usize = 2_000;

/// Shortest interval over which the rate is measured.
const MEASURED_OVER: Duration = Duration::from_millis(50);

/// Computes how many notifications to claim ahead from the rate at which they are sent. Reads no clock: the
/// caller passes the elapsed time.
#[derive(Debug, Clone)]
pub(super) struct Prefetch {
    /// One for each notification that can be in flight.
    least: usize,
    per_second: f64,
    /// Sent since the rate was measured last.
    sent: usize,
    unmeasured: Duration,
}

impl Prefetch {
    pub(super) fn new(least: usize) -> Self {
        Self { least, per_second: 0.0, sent: 0, unmeasured: Duration::ZERO }
    }

    /// Counts `count` notifications as sent.
    pub(super) fn sent(&mut self, count: usize) {
        self.sent += count;
    }

    /// Advances by `time`, and measures the rate if enough time has passed.
    #[expect(clippy::cast_precision_loss, reason = "counts of a moment")]
    pub(super) fn passed(&mut self, time: Duration) {
        self.unmeasured += time;
        if self.unmeasured >= MEASURED_OVER {
            let measured = self.sent as f64 / self.unmeasured.as_secs_f64();
            self.per_second = f64::midpoint(self.per_second, measured);
            (self.sent, self.unmeasured) = (0, Duration::ZERO);
        }
    }

    /// How many notifications should be claimed and not sent yet.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped: a rate is not negative, and MOST is small"
    )]
    pub(super) fn target(&self) -> usize {
        let ahead = (self.per_second * AHEAD.as_secs_f64()).min(MOST as f64) as usize;
        ahead.max(self.least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: &[(usize, u64)]) -> usize {
        let mut prefetch = Prefetch::new(16);
        for (sent, millis) in steps {
            prefetch.sent(*sent);
            prefetch.passed(Duration::from_millis(*millis));
        }
        prefetch.target()
    }

    #[test]
    fn a_slow_receiver_has_one_claim_for_each_place() {
        assert_eq!(after(&[]), 16);
        assert_eq!(after(&[(16, 10_000), (16, 10_000)]), 16);
    }

    #[test]
    fn a_fast_one_has_a_quarter_of_a_second_ahead_and_never_too_much() {
        // 4,000 a second.
        let steady = after(&[(400, 100); 20]);
        assert!((990..=1_000).contains(&steady), "{steady}");
        assert_eq!(after(&[(100_000, 100); 20]), MOST);
    }

    #[test]
    fn one_that_becomes_slow_has_less_ahead_soon() {
        let mut steps = vec![(400, 100); 20];
        steps.extend([(0, 100); 8]);
        assert_eq!(after(&steps), 16);
    }

    #[test]
    fn moments_are_measured_together() {
        assert_eq!(after(&[(10, 1); 49]), 16, "49 ms say nothing");
        assert!(after(&[(10, 1); 50]) > 16);
    }
}
