//! When an attempt began, and how long it takes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The same moment on both clocks: one to tell people, one to measure with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Milliseconds since 1970.
    pub(super) at_ms: i64,
    pub(super) at: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Self { at_ms, at: Instant::now() }
    }

    /// The time since another moment, by the clock that people read; never less than none, because the
    /// other moment may be another machine's.
    pub(super) fn since_ms(&self, at_ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(self.at_ms.saturating_sub(at_ms)).unwrap_or_default())
    }

    pub(super) fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.at.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}
