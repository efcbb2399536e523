//! Settings of the sweep over Stripe's list of events: `[sweep]`.

use std::time::Duration;

use serde::Deserialize;

/// `[sweep]`: how the workers look for events that never arrived.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// Whether it is done at all.
    pub enabled: bool,
    /// Between two looks at our own account, and at connected accounts in which something happens.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// Between two looks at a connected account in which nothing happens, at most.
    #[serde(with = "humantime_serde")]
    pub longest_interval: Duration,
    /// How far back each look reads again what was read before; whole seconds.
    #[serde(with = "humantime_serde")]
    pub overlap: Duration,
    /// How old an event must be before it counts as missing; whole seconds.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    /// How long after the end of a range of time Stripe's list of it is final; whole seconds.
    #[serde(with = "humantime_serde")]
    pub settle: Duration,
    /// How far back the first look at an account reads; whole seconds.
    #[serde(with = "humantime_serde")]
    pub first: Duration,
    /// The part of `stripe.endpoint_rate` that it may use of each account, 0.0 to 1.0.
    pub share: f64,
}
