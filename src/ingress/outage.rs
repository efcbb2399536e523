//! Outages of Redis: when one began, and its log lines.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Records when an outage began, and logs its beginning and its end once each: thousands of requests may fail in
/// an outage, and a line for each would flood the log.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Milliseconds since 1970; 0 when there is none. An atomic, because each request reads it.
    since_ms: AtomicU64,
}

impl Outage {
    /// Records that Redis failed to store an event, or to answer a probe.
    pub(super) fn begin(&self, error: &dyn Display) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        // At least 1: 0 means that there is no outage.
        let now = u64::try_from(now).unwrap_or(u64::MAX).max(1);
        let begun =
            self.since_ms.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if begun {
            tracing::error!(%error, "Redis takes no events; webhooks are answered 503 until it does");
        }
    }

    /// Records that Redis accepted a write.
    pub(super) fn end(&self) {
        // The load first: it leaves the cache line shared, a swap does not.
        if self.since_ms.load(Ordering::Relaxed) != 0
            && self.since_ms.swap(0, Ordering::Relaxed) != 0
        {
            tracing::info!("Redis takes events again");
        }
    }

    /// When the outage began; `None` if there is none.
    pub(super) fn since(&self) -> Option<SystemTime> {
        match self.since_ms.load(Ordering::Relaxed) {
            0 => None,
            since_ms => Some(UNIX_EPOCH + Duration::from_millis(since_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_outage_is_logged_once_and_so_is_its_end() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        let outage = Outage::default();
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..2 {
                outage.end();
                assert_eq!(outage.since(), None);
                (0..100).for_each(|_| outage.begin(&"refused"));
                assert!(outage.since().is_some());
                (0..100).for_each(|_| outage.end());
            }
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches("Redis takes no events").count(), 2, "{text}");
        assert_eq!(text.matches("Redis takes events again").count(), 2, "{text}");
        assert_eq!(text.lines().count(), 4);
    }
}
