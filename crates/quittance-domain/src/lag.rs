//! Reads that lag: whether an answer of Stripe's API is older than what is known already.
//!
//! Stripe makes no promise that a read which follows a webhook shows what the webhook told: it may
//! answer 404, or an older state. What is known already is a *witness*: the snapshot in the event, or
//! the row. An answer is compared with each of them, and where it shows less, Stripe is asked again
//! before anything is settled ([`again_after`]).
//!
//! An answer that differs is mostly a *later* one, and waiting for it to change back would be waiting
//! for ever. So there are two degrees: what is proved (a payment that had succeeded is processing
//! again) is asked about until the event is old; what may be either (a subscription is active, and the
//! event says past due) is asked about once more, a few seconds after the event.

use std::borrow::Cow;
use std::time::Duration;

use super::kind::Kind;
use super::object_kind::Signs;
use super::timestamp::Timestamp;
use super::transition::Order;

/// Longest that an answer which may as well be the later one is doubted.
pub const DOUBTED_FOR: Duration = Duration::from_secs(5);

/// The wait before the first further look; each later one is twice as long, since it is as long as
/// the event is old.
const FIRST: Duration = Duration::from_millis(500);

/// The value of a field, as far as the comparison needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// There is no such field: another version of the API, or a path that is not kept.
    Absent,
    /// `null`
    Null,
    /// `true` or `false`
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(Cow<'a, str>),
    /// Anything else, in a form in which equal values are equal.
    Other(String),
}

/// An object as JSON, read field by field.
pub trait Fields {
    /// The value at a path, `status_transitions.paid_at`.
    fn field(&self, path: &str) -> FieldValue<'_>;
}

/// Result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The answer shows as much as the witness, or more.
    UpToDate,
    /// The answer differs in this field, and either of the two may be the later one.
    Doubtful(&'static str),
    /// The answer is older than the witness: this field cannot have changed like that.
    Older(&'static str),
}

/// The signs of a kind without a table.
const OF_A_MIRRORED_KIND: Signs = Signs { rising: &["updated"], ..Signs::NONE };

/// Compares an answer with a witness of the same object. `same_version`: both are rendered in one
/// version of the API. Of a witness in another one only what has meant the same in all of them
/// counts: the status, and amounts that never fall.
#[must_use]
pub fn compare(
    kind: Kind,
    witness: &impl Fields,
    answer: &impl Fields,
    same_version: bool,
) -> Comparison {
    let signs = kind.spec().map_or(&OF_A_MIRRORED_KIND, |spec| &spec.signs);
    let mut doubt = None;
    match status(kind, witness, answer) {
        Order::Older => return Comparison::Older("status"),
        Order::Later => return Comparison::UpToDate,
        Order::Either if failed_since(witness, answer) => return Comparison::UpToDate,
        Order::Either => doubt = Some("status"),
        Order::Same | Order::Unknown => {}
    }
    let fell = |path: &str| {
        matches!(
            (witness.field(path), answer.field(path)),
            (FieldValue::Number(was), FieldValue::Number(is)) if is < was
        )
    };
    if let Some(field) = signs.rising.iter().find(|path| fell(path)) {
        return Comparison::Older(field);
    }
    if !same_version {
        return doubt.map_or(Comparison::UpToDate, Comparison::Doubtful);
    }
    for field in signs.once {
        let (was, is) = (witness.field(field), answer.field(field));
        match (is_set(&was), &is) {
            (true, FieldValue::Null | FieldValue::Flag(false)) => return Comparison::Older(field),
            (true, FieldValue::Absent) | (false, _) => {}
            (true, is) if *is == was => {}
            (true, _) => doubt = doubt.or(Some(field)),
        }
    }
    let differs = |path: &str| {
        let (was, is) = (witness.field(path), answer.field(path));
        was != FieldValue::Absent && is != FieldValue::Absent && was != is
    };
    let doubt = doubt
        .or_else(|| signs.mostly_rising.iter().copied().find(|path| fell(path)))
        .or_else(|| signs.other.iter().copied().find(|path| differs(path)));
    doubt.map_or(Comparison::UpToDate, Comparison::Doubtful)
}

/// The permission that an answer shows as taken away, and the witness as given: the field's name. An
/// account may lose one at any time, so it proves nothing; but each loss and each return is notified, so
/// one that a stale answer made up would be notified twice.
#[must_use]
pub fn taken_away(kind: Kind, witness: &impl Fields, answer: &impl Fields) -> Option<&'static str> {
    let lost = |path: &&&str| {
        witness.field(path) == FieldValue::Flag(true)
            && answer.field(path) == FieldValue::Flag(false)
    };
    kind.spec()?.signs.permissions.iter().find(lost).copied()
}

fn is_set(value: &FieldValue<'_>) -> bool {
    !matches!(value, FieldValue::Absent | FieldValue::Null | FieldValue::Flag(false))
}

/// A payment or a setup that went back to the start has failed, and shows the error of the attempt.
fn failed_since(witness: &impl Fields, answer: &impl Fields) -> bool {
    ["last_payment_error", "last_setup_error"].into_iter().any(|path| {
        let (was, is) = (witness.field(path), answer.field(path));
        is_set(&is) && was != is
    })
}

/// Whether a status of an object is older than another one, `than`: both are known, and no path of legal
/// steps leads from `than` to it. Of a checkout session a status is `complete/paid` or the like.
#[must_use]
pub fn is_older(kind: Kind, than: &str, status: &str) -> bool {
    kind.order(than, status) == Order::Older
}

fn status(kind: Kind, witness: &impl Fields, answer: &impl Fields) -> Order {
    let (was, is) = (shown_status(kind, witness), shown_status(kind, answer));
    was.zip(is).map_or(Order::Unknown, |(was, is)| kind.order(&was, &is))
}

fn shown_status(kind: Kind, it: &impl Fields) -> Option<String> {
    kind.shown_status(&|path| match it.field(path) {
        FieldValue::Text(text) => Some(text.into_owned()),
        FieldValue::Absent
        | FieldValue::Null
        | FieldValue::Flag(_)
        | FieldValue::Number(_)
        | FieldValue::Other(_) => None,
    })
}

/// When an event was made, and for how long we have had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// On Stripe's clock; none where it may be a test clock's.
    pub created: Option<Timestamp>,
    /// Since it was received, on our own clock.
    pub received_ago: Duration,
}

impl Arrival {
    /// How old the event is at `now`, on Stripe's clock. Our own clock counts, too: whatever the other
    /// one says, an event grows old.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        let by_stripe = self.created.map_or(0, |created| now.saturating_sub(created));
        self.received_ago.max(Duration::from_secs(u64::try_from(by_stripe).unwrap_or(0)))
    }
}

/// When to look again, at what an event of this `age` contradicts. `None`: `limit` is reached, and
/// what Stripe answers is taken.
///
/// Each wait is as long as the event is old, so their number grows with the logarithm of the limit:
/// eight looks within a minute.
#[must_use]
pub fn again_after(age: Duration, limit: Duration) -> Option<Duration> {
    let rest = limit.checked_sub(age).filter(|rest| !rest.is_zero())?;
    Some(age.max(FIRST).min(rest))
}

#[cfg(test)]
#[path = "lag_tests.rs"]
mod tests;
