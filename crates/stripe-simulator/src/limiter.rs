//! Stripe's limits for each account, and for each of its endpoints (docs.stripe.com, "Rate limits").

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A token bucket for each of them, by name, which holds one second's worth.
#[derive(Default)]
pub(crate) struct Limiter(Mutex<HashMap<String, Bucket>>);

struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Limiter {
    /// Whether one more request may pass now.
    pub(crate) fn admit(&self, endpoint: &str, per_second: u32, now: Instant) -> bool {
        let most = f64::from(per_second);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket =
            buckets.entry(endpoint.to_owned()).or_insert(Bucket { tokens: most, filled_at: now });
        let since = now.saturating_duration_since(bucket.filled_at).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * most).min(most);
        bucket.filled_at = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_endpoint_passes_its_rate_and_no_more() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let passed = (0..100).filter(|_| limiter.admit("a", 25, start)).count();
        assert_eq!(passed, 25);
        assert!(limiter.admit("b", 25, start), "each endpoint has its own");
        let later = start + Duration::from_millis(200);
        assert_eq!((0..100).filter(|_| limiter.admit("a", 25, later)).count(), 5);
    }
}
