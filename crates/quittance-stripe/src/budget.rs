//! Who may ask Stripe how often. The limiter itself is shared by all workers and lives elsewhere;
//! this is what the client needs of it.

use std::time::Duration;

use futures_util::future::BoxFuture;

/// A wait for tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetWait {
    /// How long, before asking again.
    pub time: Duration,
    /// The place among those who wait, to be shown when asking again.
    pub place: u64,
}

/// A set of token buckets, by name.
///
/// Two implementations: the one in Redis that all workers share, and [`Unlimited`].
pub trait Budget: Send + Sync {
    /// Takes one token of each of the buckets, given with the tokens that it gets a second, or none of
    /// any. `None`: taken, go. `Some`: none was taken; ask again after this long, with the place that
    /// is given. Where that is longer than `patience`, no place is kept for the caller.
    fn take<'a>(
        &'a self,
        buckets: &'a [(&'a str, u32)],
        patience: Duration,
        place: Option<u64>,
    ) -> BoxFuture<'a, Option<BudgetWait>>;

    /// Stripe said 429: hand out fewer tokens of this bucket for a while.
    fn slow_down<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, ()>;
}

/// No limit at all: for one process that asks little, and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl Budget for Unlimited {
    fn take<'a>(
        &'a self,
        _: &'a [(&'a str, u32)],
        _: Duration,
        _: Option<u64>,
    ) -> BoxFuture<'a, Option<BudgetWait>> {
        Box::pin(std::future::ready(None))
    }

    fn slow_down<'a>(&'a self, _: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}
