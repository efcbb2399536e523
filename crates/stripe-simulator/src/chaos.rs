//! Settings of the simulator's misbehaviour, all adjustable while it runs.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Faults and their frequency: shares lie between 0 (never) and 1 (always).
///
/// By default nothing does. Every random choice comes from the seed and from what it is
/// about (an event's id, a request's number), so that it does not depend on how threads interleave.
#[derive(Debug, Clone, PartialEq)]
pub struct Chaos {
    /// Share of deliveries that arrive more than once.
    pub duplicates: f64,
    /// How long after the first copy the others may come.
    pub duplicates_within: Duration,
    /// Each delivery waits for a random part of this, so that they arrive in another order.
    pub reorder_within: Duration,
    /// Every delivery waits at least so long.
    pub delay: Duration,
    /// Share of events that no endpoint is ever sent: Stripe believes that there is nothing to deliver.
    pub swallowed: f64,
    /// Share of deliveries before which a forged copy arrives: only `v0`, or a wrong secret.
    pub forged: f64,
    /// Share of deliveries whose snapshot is in the version of 2020-08-27.
    pub old_snapshots: f64,
    /// Signatures are this many seconds old; the sign may be either.
    pub signature_age: i64,
    /// An event's `created` may lie up to so many seconds behind the clock of the answers: Stripe's
    /// machines do not share one clock.
    pub event_lag_seconds: u32,

    /// Share of requests answered 429.
    pub rate_limited: f64,
    /// Share of those 429 that say `Retry-After`.
    pub retry_after: f64,
    /// How long an idempotency key is remembered, in seconds of the simulator's clock. Stripe keeps one
    /// for 24 hours at the least.
    pub keys_kept_seconds: u32,
    /// Lists leave out what was made in the last so many seconds of the simulator's clock: at Stripe an
    /// object can be listed seconds to minutes after it was made.
    pub list_lag_seconds: u32,
    /// Share of events that the list of events leaves out for a while.
    pub events_listed_late: f64,
    /// For how long after they were made, in seconds of the simulator's clock.
    pub events_listed_late_by_seconds: u32,
    /// Requests a second that each endpoint lets through, before 429; none: all.
    pub endpoint_rate: Option<u32>,
    /// Requests a second that each account lets through over all endpoints, before 429; none: all.
    pub account_rate: Option<u32>,
    /// Share of requests answered 500.
    pub server_errors: f64,
    /// Share of requests that are never answered.
    pub hangs: f64,
    /// Share of requests that are answered late: half of them looked at late, half looked at at
    /// once and the answer kept back, so that it is stale when it arrives.
    pub slow: f64,
    /// How late.
    pub slow_by: Duration,
    /// Share of requests whose connection ends without an answer: half of them before the request
    /// took effect, half after.
    pub resets: f64,
    /// Share of reads of one object that show it as it was a moment ago, and do not find it if there was
    /// none: Stripe's API can lag behind its own events.
    pub stale: f64,
    /// How long ago.
    pub stale_by: Duration,
    /// What every read is answered with in the place of its object.
    pub wrong: Option<WrongAnswer>,
    /// Every key is wrong.
    pub reject_keys: bool,
    /// Every key opens another account, in which nothing ever happened.
    pub other_account: bool,
    /// The API is not there: connections end at once.
    pub down: bool,
}

/// An answer that is no answer: of a proxy that is broken, or to a request that Stripe does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongAnswer {
    /// 200 with `null`.
    Null,
    /// 200 with another object.
    OtherObject,
    /// 200 with more bytes than any object has.
    TooLong,
    /// 400: the version is none that this key may use.
    RefusedVersion,
    /// 500, with the word that the same request need not be sent again.
    FinalServerError,
}

impl Default for Chaos {
    fn default() -> Self {
        Self {
            duplicates: 0.0,
            duplicates_within: Duration::from_millis(100),
            reorder_within: Duration::ZERO,
            delay: Duration::ZERO,
            swallowed: 0.0,
            forged: 0.0,
            old_snapshots: 0.0,
            signature_age: 0,
            event_lag_seconds: 0,
            rate_limited: 0.0,
            retry_after: 0.0,
            keys_kept_seconds: 24 * 3600,
            list_lag_seconds: 0,
            events_listed_late: 0.0,
            events_listed_late_by_seconds: 60,
            endpoint_rate: None,
            account_rate: None,
            server_errors: 0.0,
            hangs: 0.0,
            slow: 0.0,
            slow_by: Duration::from_millis(500),
            resets: 0.0,
            stale: 0.0,
            stale_by: Duration::from_secs(1),
            wrong: None,
            reject_keys: false,
            other_account: false,
            down: false,
        }
    }
}

/// A setting of [`Chaos`] that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChaosError {
    /// There is no setting of this name.
    #[error("there is no setting {name}; there are: {}", names())]
    Unknown {
        /// As it was given.
        name: String,
    },
    /// The value does not fit.
    #[error("{name} must be {expected}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What would fit.
        expected: &'static str,
    },
}

/// A setting as text: its name, and how it is written and read.
struct Setting {
    name: &'static str,
    set: fn(&mut Chaos, &str) -> Result<(), &'static str>,
    show: fn(&Chaos) -> Value,
}

macro_rules! settings {
    ($($field:ident: $read:ident => $name:literal,)*) => {
        &[$(Setting {
            name: $name,
            set: |chaos, text| { chaos.$field = $read(text)?; Ok(()) },
            show: |chaos| chaos.$field.shown(),
        },)*]
    };
}

/// Every field of [`Chaos`], by the name that the command line and the HTTP API give it. Times are in
/// whole milliseconds.
const SETTINGS: &[Setting] = settings![
    duplicates: share => "duplicates",
    duplicates_within: millis => "duplicates_within_ms",
    reorder_within: millis => "reorder_within_ms",
    delay: millis => "delay_ms",
    swallowed: share => "swallowed",
    forged: share => "forged",
    old_snapshots: share => "old_snapshots",
    signature_age: number => "signature_age_seconds",
    event_lag_seconds: number => "event_lag_seconds",
    rate_limited: share => "rate_limited",
    retry_after: share => "retry_after",
    keys_kept_seconds: number => "keys_kept_seconds",
    list_lag_seconds: number => "list_lag_seconds",
    events_listed_late: share => "events_listed_late",
    events_listed_late_by_seconds: number => "events_listed_late_by_seconds",
    endpoint_rate: optional => "endpoint_rate",
    account_rate: optional => "account_rate",
    server_errors: share => "server_errors",
    hangs: share => "hangs",
    slow: share => "slow",
    slow_by: millis => "slow_by_ms",
    resets: share => "resets",
    stale: share => "stale",
    stale_by: millis => "stale_by_ms",
    wrong: wrong_answer => "wrong",
    reject_keys: flag => "reject_keys",
    other_account: flag => "other_account",
    down: flag => "down",
];

fn names() -> String {
    SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>().join(", ")
}

fn share(text: &str) -> Result<f64, &'static str> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or("a share between 0 and 1")
}

fn millis(text: &str) -> Result<Duration, &'static str> {
    text.parse().map(Duration::from_millis).map_err(|_| "whole milliseconds")
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|_| "a whole number")
}

fn optional(text: &str) -> Result<Option<u32>, &'static str> {
    if matches!(text, "none" | "null") { Ok(None) } else { number(text).map(Some) }
}

fn wrong_answer(text: &str) -> Result<Option<WrongAnswer>, &'static str> {
    let named = |one: &&(&str, WrongAnswer)| one.0 == text;
    match WRONG_ANSWERS.iter().find(named) {
        Some((_, answer)) => Ok(Some(*answer)),
        None if matches!(text, "none" | "null") => Ok(None),
        None => {
            Err("none, null_body, other_object, too_long, refused_version or final_server_error")
        }
    }
}

/// The names of the wrong answers.
const WRONG_ANSWERS: &[(&str, WrongAnswer)] = &[
    ("null_body", WrongAnswer::Null),
    ("other_object", WrongAnswer::OtherObject),
    ("too_long", WrongAnswer::TooLong),
    ("refused_version", WrongAnswer::RefusedVersion),
    ("final_server_error", WrongAnswer::FinalServerError),
];

fn flag(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "true or false")
}

/// As JSON: the same value that is read.
trait Shown {
    fn shown(&self) -> Value;
}

impl Shown for Duration {
    fn shown(&self) -> Value {
        json!(u64::try_from(self.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Shown for Option<WrongAnswer> {
    fn shown(&self) -> Value {
        let name = WRONG_ANSWERS.iter().find(|(_, answer)| Some(*answer) == *self);
        json!(name.map(|(name, _)| name))
    }
}

macro_rules! shown_as_itself {
    ($($type:ty),*) => { $(impl Shown for $type { fn shown(&self) -> Value { json!(self) } })* };
}

shown_as_itself!(f64, i64, u32, bool, Option<u32>);

impl Chaos {
    /// An ordinary bad day at Stripe, all at once.
    #[must_use]
    pub fn rough() -> Self {
        Self {
            duplicates: 0.15,
            duplicates_within: Duration::from_secs(3),
            reorder_within: Duration::from_millis(1_500),
            forged: 0.02,
            old_snapshots: 0.1,
            event_lag_seconds: 1,
            rate_limited: 0.03,
            retry_after: 0.3,
            server_errors: 0.03,
            hangs: 0.003,
            slow: 0.05,
            slow_by: Duration::from_millis(400),
            resets: 0.02,
            stale: 0.05,
            stale_by: Duration::from_millis(1_500),
            ..Self::default()
        }
    }

    /// `calm` or `rough`.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "calm" => Some(Self::default()),
            "rough" => Some(Self::rough()),
            _ => None,
        }
    }

    /// Changes one setting by its name.
    ///
    /// # Errors
    /// There is no such setting, or the value does not fit it; nothing is changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ChaosError> {
        let setting = SETTINGS.iter().find(|setting| setting.name == name);
        let setting = setting.ok_or_else(|| ChaosError::Unknown { name: name.to_owned() })?;
        (setting.set)(self, value)
            .map_err(|expected| ChaosError::Value { name: setting.name, expected })
    }

    /// All settings by name.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let fields = SETTINGS.iter().map(|one| (one.name.to_owned(), (one.show)(self)));
        Value::Object(fields.collect())
    }
}

/// Random choices about one thing: the same for the same seed and thing, whatever else happens.
pub(crate) struct Random(StdRng);

impl Random {
    pub(crate) fn of(seed: u64, what: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(what.as_bytes());
        Self(StdRng::from_seed(hash.finalize().into()))
    }

    /// True in this share of cases. Always draws, so that one switch does not change the others.
    pub(crate) fn happens(&mut self, share: f64) -> bool {
        self.0.random::<f64>() < share
    }

    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.0.random::<f64>())
    }

    pub(crate) fn below(&mut self, count: u32) -> u32 {
        self.0.random_range(0..count.max(1))
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.0.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_thing_draw_the_same() {
        let draws = |seed, what: &str| {
            let mut random = Random::of(seed, what);
            (0..64).map(|_| random.happens(0.5)).collect::<Vec<_>>()
        };
        assert_eq!(draws(1, "evt_1"), draws(1, "evt_1"));
        assert_ne!(draws(1, "evt_1"), draws(2, "evt_1"));
        assert_ne!(draws(1, "evt_1"), draws(1, "evt_2"));
    }

    #[test]
    fn every_setting_reads_what_it_shows() {
        // A field without a name here could not be set from outside.
        let fields = format!("{:?}", Chaos::default()).matches(": ").count();
        assert_eq!(SETTINGS.len(), fields);
        let wrong = Some(WrongAnswer::TooLong);
        let rough = Chaos { endpoint_rate: Some(25), down: true, wrong, ..Chaos::rough() };
        let mut read = Chaos::default();
        for (name, value) in rough.to_json().as_object().unwrap() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            read.set(name, &text).unwrap();
        }
        assert_eq!(read, rough);
        read.set("endpoint_rate", "none").unwrap();
        assert_eq!(read.endpoint_rate, None);
    }

    #[test]
    fn the_readme_has_every_setting_and_answer() {
        let readme = include_str!("../README.md");
        let settings = SETTINGS.iter().map(|setting| setting.name);
        for name in settings.chain(WRONG_ANSWERS.iter().map(|(name, _)| *name)) {
            assert!(readme.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn a_setting_that_cannot_be_taken_says_what_would_fit() {
        let mut chaos = Chaos::default();
        let refused = |chaos: &mut Chaos, name: &str, value: &str| {
            chaos.set(name, value).unwrap_err().to_string()
        };
        assert_eq!(refused(&mut chaos, "hangs", "1.5"), "hangs must be a share between 0 and 1");
        assert_eq!(refused(&mut chaos, "delay_ms", "-1"), "delay_ms must be whole milliseconds");
        assert!(
            refused(&mut chaos, "hang", "1").starts_with("there is no setting hang; there are:")
        );
        assert_eq!(chaos, Chaos::default());
    }

    #[test]
    fn never_and_always_are_just_that() {
        let mut random = Random::of(0, "edge");
        assert!((0..1000).all(|_| !random.happens(0.0)));
        assert!((0..1000).all(|_| random.happens(1.0)));
    }
}
