//! The time by which leases are renewed and jobs are taken over: that of the machine, or one that a
//! test moves on.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// A clock. Clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<watch::Receiver<Duration>>);

/// Moves a [`Clock`] on. When it is dropped, the clock goes on with the machine's.
#[derive(Debug)]
pub struct ClockShift(watch::Sender<Duration>);

impl ClockShift {
    /// Adds to the time that the clock shows, and ends the sleeps that end before then.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|shift| *shift += by);
    }
}

impl Clock {
    /// The machine's.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// The machine's, moved on by what a test says.
    #[must_use]
    pub fn shifted() -> (ClockShift, Self) {
        let (sender, receiver) = watch::channel(Duration::ZERO);
        (ClockShift(sender), Self(Some(receiver)))
    }

    /// The time.
    pub(super) fn now(&self) -> Instant {
        Instant::now() + self.shift()
    }

    /// Waits until so much time has passed.
    pub(super) async fn sleep(&self, duration: Duration) {
        let until = self.now() + duration;
        let Some(shift) = &self.0 else { return sleep_until(until).await };
        let mut shift = shift.clone();
        loop {
            let by = *shift.borrow_and_update();
            let Some(real) = until.checked_sub(by) else { return };
            tokio::select! {
                () = sleep_until(real) => return,
                changed = shift.changed() => if changed.is_err() {
                    return sleep_until(real).await;
                }
            }
        }
    }

    fn shift(&self) -> Duration {
        self.0.as_ref().map(|shift| *shift.borrow()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn a_sleep_ends_when_the_clock_is_moved_on_to_its_end() {
        let (shift, clock) = Clock::shifted();
        let begin = clock.now();
        let sleeping = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(2 * HOUR).await }
        });
        tokio::task::yield_now().await;
        shift.advance(HOUR);
        shift.advance(HOUR);
        sleeping.await.expect("it ends without waiting for two hours");
        assert!(clock.now() - begin >= 2 * HOUR);
    }
}
