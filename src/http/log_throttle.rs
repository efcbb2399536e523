//! A limit for log lines that strangers can cause at will.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a line keeps others of its kind out of the log.
const EVERY: Duration = Duration::from_secs(10);

/// Lets one line of a kind through at once, and then one every ten seconds, which says how many it
/// stands for.
#[derive(Debug, Default)]
pub struct LogThrottle(Mutex<HashMap<&'static str, Last>>);

#[derive(Debug)]
struct Last {
    at: Instant,
    suppressed: u64,
}

impl LogThrottle {
    /// Whether a line of this kind may be logged now: if so, how many of its kind were suppressed
    /// since the last one.
    pub fn admit(&self, kind: &'static str) -> Option<u64> {
        self.admit_at(kind, Instant::now())
    }

    fn admit_at(&self, kind: &'static str, now: Instant) -> Option<u64> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = lines.get_mut(kind) else {
            lines.insert(kind, Last { at: now, suppressed: 0 });
            return Some(0);
        };
        if now.saturating_duration_since(last.at) < EVERY {
            last.suppressed += 1;
            return None;
        }
        last.at = now;
        Some(std::mem::take(&mut last.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_a_kind_stands_for_all_that_come_within_ten_seconds() {
        let (throttle, begin) = (LogThrottle::default(), Instant::now());
        let at = |kind, millis| throttle.admit_at(kind, begin + Duration::from_millis(millis));
        assert_eq!(at("stale", 0), Some(0));
        assert_eq!((at("stale", 1), at("stale", 9_999)), (None, None));
        assert_eq!(at("mismatch", 1), Some(0), "another kind has a line of its own");
        assert_eq!(at("stale", 10_000), Some(2));
        assert_eq!(at("stale", 10_001), None);
        assert_eq!(at("stale", 30_000), Some(1));
    }
}
