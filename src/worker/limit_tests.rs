use super::*;

const TIMEOUT: Duration = Duration::from_secs(10);
const QUICK: AttemptEnd = AttemptEnd::Completed(Duration::from_millis(20));

fn ends(limit: &mut AdaptiveLimit, end: AttemptEnd) {
    let began = limit.begin();
    limit.end(began, end, true);
}

#[test]
fn attempts_that_time_out_together_halve_the_limit_once() {
    let mut limit = AdaptiveLimit::new(64, TIMEOUT);
    let began = limit.begin();
    (0..64).for_each(|_| limit.end(began, AttemptEnd::TimedOut, true));
    assert_eq!(limit.limit(), 32);
    (0..10).for_each(|_| ends(&mut limit, AttemptEnd::TimedOut));
    assert_eq!(limit.limit(), 1, "never less than one");
}

#[test]
fn the_limit_grows_by_one_when_as_many_as_it_allows_have_completed() {
    let mut limit = AdaptiveLimit::new(64, TIMEOUT);
    (0..3).for_each(|_| ends(&mut limit, AttemptEnd::TimedOut));
    assert_eq!(limit.limit(), 8);
    (0..9).for_each(|_| ends(&mut limit, QUICK));
    assert_eq!(limit.limit(), 9);
    (0..10_000).for_each(|_| ends(&mut limit, QUICK));
    assert_eq!(limit.limit(), 64, "never more than the settings say");
}

#[test]
fn what_does_not_speak_of_the_load_changes_nothing() {
    let mut limit = AdaptiveLimit::new(64, TIMEOUT);
    ends(&mut limit, AttemptEnd::TimedOut);
    let before = limit.clone();
    ends(&mut limit, AttemptEnd::Unknown);
    let began = limit.begin();
    limit.end(began, QUICK, false);
    ends(&mut limit, AttemptEnd::Completed(TIMEOUT / 2));
    assert_eq!(limit, before, "an outage, places to spare, and something slow that completed");
}

/// A server whose work is shared evenly by all attempts that run, in simulated time. There are always
/// more that wait.
struct Shared {
    limit: AdaptiveLimit,
    adapts: bool,
    most: usize,
    now: f64,
    begun: u32,
    /// What began when, under what, and how much of its work is left (1.0: all).
    running: Vec<(f64, Began, f64)>,
}

impl Shared {
    fn new(most: usize, adapts: bool) -> Self {
        let limit = AdaptiveLimit::new(most, TIMEOUT);
        Self { limit, adapts, most, now: 0.0, begun: 0, running: Vec::new() }
    }

    fn allowed(&self) -> usize {
        if self.adapts { self.limit.limit() } else { self.most }
    }

    /// Lets so many seconds pass in steps of 10 ms; answers how many completed and timed out.
    fn pass(&mut self, seconds: f64, rate: f64) -> (u32, u32) {
        const STEP: f64 = 0.01;
        let (mut completed, mut timed_out) = (0, 0);
        let end = self.now + seconds;
        while self.now < end {
            while self.running.len() < self.allowed() {
                // Not all of one size, as real ones are not.
                let size = 0.5 + f64::from(self.begun % 11) / 10.0;
                self.begun += 1;
                self.running.push((self.now, self.limit.begin(), size));
            }
            let share = rate * STEP / f64::from(u32::try_from(self.running.len()).unwrap());
            self.now += STEP;
            let busy = self.running.len() >= self.allowed();
            let mut left = Vec::new();
            for (began_at, began, work) in self.running.drain(..) {
                let took = self.now - began_at;
                if work <= share {
                    completed += 1;
                    let took = AttemptEnd::Completed(Duration::from_secs_f64(took));
                    self.limit.end(began, took, busy);
                } else if took >= TIMEOUT.as_secs_f64() {
                    timed_out += 1;
                    self.limit.end(began, AttemptEnd::TimedOut, busy);
                } else {
                    left.push((began_at, began, work - share));
                }
            }
            self.running = left;
        }
        (completed, timed_out)
    }
}

#[test]
fn on_a_server_that_is_ten_times_slower_goodput_stays_within_a_fifth_of_what_it_can_do() {
    // 40 a second with 64 at once: each takes 1.6 s of the 10 that it may take.
    let mut shared = Shared::new(64, true);
    let (completed, timed_out) = shared.pass(60.0, 40.0);
    assert!(completed >= 2_200 && timed_out == 0, "{completed} {timed_out}");
    assert_eq!(shared.limit.limit(), 64, "there was no reason for less");

    // 4 a second: with 64 at once each would take 16 s, and none would be finished in time.
    shared.pass(60.0, 4.0);
    let (completed, timed_out) = shared.pass(600.0, 4.0);
    assert!(f64::from(completed) >= 0.8 * 600.0 * 4.0, "{completed} of 2400, {timed_out} cut off");

    let (completed, _) = shared.pass(120.0, 40.0);
    assert!(f64::from(completed) >= 0.8 * 120.0 * 40.0, "{completed} of 4800: it is back");

    // What the test is about: with a fixed number it is lost.
    let mut fixed = Shared::new(64, false);
    fixed.pass(60.0, 40.0);
    fixed.pass(60.0, 4.0);
    let (completed, timed_out) = fixed.pass(600.0, 4.0);
    assert!(completed < timed_out, "{completed} completed, {timed_out} cut off");
}
