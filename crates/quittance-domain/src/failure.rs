//! Why something failed, in the six words that decide what happens next.

use std::time::Duration;

/// A dependency that a worker cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dependency {
    /// The queue.
    Redis,
    /// The tables.
    Postgres,
    /// The API.
    Stripe,
}

impl Dependency {
    /// `redis`, `postgres`, `stripe`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Postgres => "postgres",
            Self::Stripe => "stripe",
        }
    }
}

impl std::fmt::Display for Dependency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The class of a failure. Every error type on the way of an event says its own in an exhaustive match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// No repetition mends it: a payload that cannot be read, a request that Stripe calls wrong.
    Permanent,
    /// It may pass by itself: a 500, a timeout, a conflict with another writer.
    Transient,
    /// We ask too often.
    RateLimited {
        /// How long the other side, or our own limiter, asks us to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// Stripe's API has not caught up with its own event yet: no fault, and soon over.
    TooEarly {
        /// When to look again.
        again_after: Duration,
    },
    /// A dependency is down, for every job alike.
    Unavailable(Dependency),
    /// Our own settings are wrong (an API key), for every job alike.
    Misconfigured(Dependency),
}

impl Class {
    /// `permanent`, `transient`, `rate_limited`, `too_early`, `unavailable`, `misconfigured`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Transient => "transient",
            Self::RateLimited { .. } => "rate_limited",
            Self::TooEarly { .. } => "too_early",
            Self::Unavailable(_) => "unavailable",
            Self::Misconfigured(_) => "misconfigured",
        }
    }
}

/// An error and all its causes, outermost first.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> Vec<String> {
    let mut all = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Some libraries quote the cause in their own text; said once is enough.
        if !all.last().is_some_and(|last| last.ends_with(&text)) {
            all.push(text);
        }
        next = cause.source();
    }
    all
}

/// A failure as it is kept with its attempt and shown to ops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What decides.
    pub class: Class,
    /// A stable word: `stripe_resource_missing`, `event_undecodable`, ... Groups dead letters.
    pub code: String,
    /// The whole chain of causes, outermost first.
    pub chain: Vec<String>,
    /// Stripe's `Request-Id`, where a request was made.
    pub request_id: Option<String>,
    /// `Stripe-Should-Retry`.
    pub should_retry: Option<bool>,
}

impl Failure {
    /// The chain in one line.
    #[must_use]
    pub fn message(&self) -> String {
        self.chain.join(": ")
    }
}
