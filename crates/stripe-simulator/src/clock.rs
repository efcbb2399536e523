//! Stripe's clock as its clients see it: whole seconds that never run backwards.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of the simulator, which can be stopped and made coarse to put many events into the
/// same second.
///
/// It never goes back, whatever is done to it: Stripe's own does not either, and everything that
/// compares an event's `created` with the `Date` of an answer stands on that.
#[derive(Debug)]
pub struct Clock(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    /// Seconds between this clock and the machine's.
    offset: i64,
    pace: Pace,
    last: i64,
}

#[derive(Debug, Clone, Copy)]
enum Pace {
    Running,
    Frozen,
    Coarse(i64),
}

impl Clock {
    pub(crate) fn new(start_at: Option<i64>) -> Self {
        let offset = start_at.map_or(0, |at| at - machine_seconds());
        Self(Mutex::new(Inner { offset, pace: Pace::Running, last: i64::MIN }))
    }

    /// The second that it is, since 1970.
    pub fn now(&self) -> i64 {
        self.with(Inner::now)
    }

    /// Stops the clock: all that happens from here on happens in the same second.
    pub fn freeze(&self) {
        self.with(|inner| {
            inner.now();
            inner.pace = Pace::Frozen;
        });
    }

    /// Lets the clock move only once in so many seconds.
    pub fn coarsen(&self, step_seconds: u32) {
        self.with(|inner| inner.pace = Pace::Coarse(i64::from(step_seconds.max(1))));
    }

    /// Lets the clock run again, second by second.
    pub fn run(&self) {
        self.with(|inner| inner.pace = Pace::Running);
    }

    /// Puts the clock forward, also while it is stopped.
    pub fn advance(&self, seconds: u32) {
        self.with(|inner| {
            let now = inner.now();
            inner.offset += i64::from(seconds);
            inner.last = now + i64::from(seconds);
        });
    }

    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn now(&mut self) -> i64 {
        let running = machine_seconds() + self.offset;
        let shown = match self.pace {
            Pace::Running => running,
            Pace::Frozen if self.last > i64::MIN => self.last,
            Pace::Frozen => running,
            Pace::Coarse(step) => running - running.rem_euclid(step),
        };
        self.last = self.last.max(shown);
        self.last
    }
}

/// The machine's own time; before 1970 reads as 1970.
pub(crate) fn machine_seconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_stands_and_can_be_put_forward() {
        let clock = Clock::new(Some(1_000_000));
        clock.freeze();
        let then = clock.now();
        assert_eq!(clock.now(), then);
        clock.advance(60);
        assert_eq!(clock.now(), then + 60);
    }

    #[test]
    fn the_clock_never_runs_backwards() {
        let clock = Clock::new(Some(1_000_007));
        let then = clock.now();
        // The floor of the coarse step lies seconds behind what was already shown.
        clock.coarsen(1000);
        assert!(clock.now() >= then);
        clock.freeze();
        clock.advance(5);
        clock.run();
        assert!(clock.now() >= then + 5);
    }
}
