//! Rate limit for log lines that any client can cause.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Interval between two lines of one kind.
const EVERY: Duration = Duration::from_secs(10);

/// Admits one line of each kind every ten seconds, and counts the suppressed ones.
#[derive(Debug, Default)]
pub struct LogThrottle(Mutex<HashMap<&'static str, Last>>);

#[derive(Debug)]
struct Last {
    at: Instant,
    suppressed: u64,
}

impl LogThrottle {
    /// Returns whether a line of this kind may be logged now, and how many were suppressed since the last one.
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
    fn one_line_of_a_kind_is_logged_every_ten_seconds() {
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
