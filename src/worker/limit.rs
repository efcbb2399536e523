//! Adaptive limit of concurrent attempts: as many as complete in time.
//!
//! An attempt that times out starts over, so on a machine that is too slow for what runs at once the
//! work multiplies and less and less of it is finished. Additive increase, multiplicative decrease, as
//! TCP does it, keyed on what attempts tell of the load. Pure: time is handed in.

use std::time::Duration;

/// Share of the limit that is left after an attempt that timed out.
const AFTER_TIMEOUT: f64 = 0.5;

/// The number of attempts that may run at once, as it follows from how attempts end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AdaptiveLimit {
    /// Between 1 and `most`.
    limit: f64,
    most: f64,
    /// From this duration on a completed attempt says that more at once might time out.
    slow: Duration,
    /// Counts decreases. What began before one says nothing of the limit after it.
    decreases: u64,
}

/// The load under which an attempt began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Began {
    decreases: u64,
}

/// End of an attempt, as far as it says something of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptEnd {
    /// It came to an end of its own, whatever that was, after so long.
    Completed(Duration),
    /// It was cut off, and its work is lost.
    TimedOut,
    /// It says nothing of the load: an outage, or a stop.
    Unknown,
}

impl AdaptiveLimit {
    /// Begins at the most there may be. `timeout` is how long an attempt may take.
    pub(super) fn new(most: usize, timeout: Duration) -> Self {
        let most = u32::try_from(most.max(1)).map_or(f64::from(u32::MAX), f64::from);
        Self { limit: most, most, slow: timeout / 2, decreases: 0 }
    }

    /// How many attempts may run at once.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to `most`")]
    pub(super) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// An attempt begins.
    pub(super) fn begin(&self) -> Began {
        Began { decreases: self.decreases }
    }

    /// An attempt has ended; `busy` says whether as many ran as were allowed, or more.
    pub(super) fn end(&mut self, began: Began, end: AttemptEnd, busy: bool) {
        match end {
            AttemptEnd::TimedOut if began.decreases == self.decreases => {
                self.decreases += 1;
                self.limit = (self.limit * AFTER_TIMEOUT).max(1.0);
            }
            // One more after as many as are allowed have completed, and only where more are wanted. What
            // completes slowly is no reason for fewer: Stripe may be slow, however many ask.
            AttemptEnd::Completed(took) if busy && took < self.slow => {
                self.limit = (self.limit + 1.0 / self.limit).min(self.most);
            }
            AttemptEnd::TimedOut | AttemptEnd::Completed(_) | AttemptEnd::Unknown => {}
        }
    }
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
