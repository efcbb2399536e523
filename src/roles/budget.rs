//! Adapts the Redis rate limiter to the `Budget` trait of the Stripe client.
//!
//! Here, because the client must not know Redis and the queue must not know Stripe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::queue::{Limiter, QueueError};
use crate::stripe_api::{Budget, BudgetWait};

/// The rate limits that all workers share.
pub(crate) struct SharedBudget {
    limiter: Limiter,
    failing: AtomicBool,
}

impl SharedBudget {
    /// Draws from `limiter`.
    pub(crate) fn new(limiter: Limiter) -> Self {
        Self { limiter, failing: AtomicBool::new(false) }
    }

    /// Logs when the limiter becomes unreachable and when it is back. Without Redis there is no shared
    /// rate limit, but no new job either: claimed jobs go on, and Stripe's own 429 is the backstop.
    fn note(&self, error: Option<&QueueError>) {
        let failing = error.is_some();
        if self.failing.swap(failing, Ordering::Relaxed) != failing {
            match error {
                Some(error) => {
                    tracing::warn!(%error, "the shared rate limits cannot be read; continuing without them")
                }
                None => tracing::info!("the shared rate limits can be read again"),
            }
        }
    }
}

impl Budget for SharedBudget {
    fn take<'a>(
        &'a self,
        buckets: &'a [(&'a str, u32)],
        patience: Duration,
        place: Option<u64>,
    ) -> BoxFuture<'a, Option<BudgetWait>> {
        async move {
            let taken = self.limiter.take(buckets, patience, place).await;
            self.note(taken.as_ref().err());
            let wait = taken.unwrap_or(None)?;
            Some(BudgetWait { time: wait.time, place: wait.place })
        }
        .boxed()
    }

    fn slow_down<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, ()> {
        async move { self.note(self.limiter.slow_down(bucket).await.as_ref().err()) }.boxed()
    }
}
