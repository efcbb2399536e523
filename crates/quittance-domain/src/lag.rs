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

use super::event::Timestamp;
use super::object::Kind;
use super::transition::{self, Status};
use super::{charge, checkout, dispute, payment, payout, refund, setup};
use super::{invoice, subscription, subscription_schedule};

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

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The answer shows as much as the witness, or more.
    UpToDate,
    /// The answer differs in this field, and either of the two may be the later one.
    Doubtful(&'static str),
    /// The answer is older than the witness: this field cannot have changed like that.
    Older(&'static str),
}

/// The fields of a kind that show how far an object has come.
struct Signs {
    /// Set once and never taken back.
    once: &'static [&'static str],
    /// Numbers that never fall.
    rising: &'static [&'static str],
    /// Numbers that fall in rare cases.
    mostly_rising: &'static [&'static str],
    /// Whatever else a column is made of.
    other: &'static [&'static str],
}

const NO_SIGNS: Signs = Signs { once: &[], rising: &[], mostly_rising: &[], other: &[] };

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
    let signs = signs(kind);
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
    let permissions: &[&str] = match kind {
        Kind::Account => &["charges_enabled", "payouts_enabled"],
        Kind::PaymentIntent
        | Kind::Charge
        | Kind::Refund
        | Kind::Customer
        | Kind::SetupIntent
        | Kind::CheckoutSession
        | Kind::PaymentMethod
        | Kind::Dispute
        | Kind::Payout
        | Kind::Subscription
        | Kind::Invoice
        | Kind::Product
        | Kind::Price
        | Kind::SubscriptionSchedule
        | Kind::Mirrored(_) => &[],
    };
    let lost = |path: &&&str| {
        witness.field(path) == FieldValue::Flag(true)
            && answer.field(path) == FieldValue::Flag(false)
    };
    permissions.iter().find(lost).copied()
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

/// Which of two statuses comes after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Same,
    /// The answer's comes after the witness'.
    Later,
    /// No path leads from the witness' to the answer's.
    Older,
    /// A path leads from each to the other.
    Either,
    /// The kind has no status, or one of the two is not known.
    Unknown,
}

/// Whether a status of an object is older than another one, `than`: both are known, and no path of legal
/// steps leads from `than` to it. Of a checkout session a status is `complete/paid` or the like.
#[must_use]
pub fn is_older(kind: Kind, than: &str, status: &str) -> bool {
    order(kind, than, status) == Order::Older
}

fn status(kind: Kind, witness: &impl Fields, answer: &impl Fields) -> Order {
    let (was, is) = if kind == Kind::CheckoutSession {
        (session_status(witness), session_status(answer))
    } else {
        (plain_status(witness), plain_status(answer))
    };
    was.zip(is).map_or(Order::Unknown, |(was, is)| order(kind, &was, &is))
}

fn order(kind: Kind, was: &str, is: &str) -> Order {
    match kind {
        Kind::PaymentIntent => order_of::<payment::Status>(was, is),
        Kind::Charge => order_of::<charge::Status>(was, is),
        Kind::Refund => order_of::<refund::Status>(was, is),
        Kind::SetupIntent => order_of::<setup::Status>(was, is),
        Kind::CheckoutSession => order_of::<checkout::Status>(was, is),
        Kind::Dispute => order_of::<dispute::Status>(was, is),
        Kind::Payout => order_of::<payout::Status>(was, is),
        Kind::Subscription => order_of::<subscription::Status>(was, is),
        Kind::Invoice => order_of::<invoice::Status>(was, is),
        Kind::SubscriptionSchedule => order_of::<subscription_schedule::Status>(was, is),
        Kind::Customer
        | Kind::PaymentMethod
        | Kind::Account
        | Kind::Product
        | Kind::Price
        | Kind::Mirrored(_) => Order::Unknown,
    }
}

/// A session says in two fields where it stands.
fn session_status(it: &impl Fields) -> Option<String> {
    match (it.field("status"), it.field("payment_status")) {
        (FieldValue::Text(status), FieldValue::Text(paid)) if status == "complete" => {
            Some(format!("complete/{paid}"))
        }
        (FieldValue::Text(status), _) => Some(status.into_owned()),
        _ => None,
    }
}

fn plain_status(it: &impl Fields) -> Option<String> {
    match it.field("status") {
        FieldValue::Text(status) => Some(status.into_owned()),
        FieldValue::Absent
        | FieldValue::Null
        | FieldValue::Flag(_)
        | FieldValue::Number(_)
        | FieldValue::Other(_) => None,
    }
}

fn order_of<S: Status>(was: &str, is: &str) -> Order {
    let (Some(was), Some(is)) = (S::parse(was), S::parse(is)) else { return Order::Unknown };
    if was == is {
        return Order::Same;
    }
    match (transition::is_reachable(was, is), transition::is_reachable(is, was)) {
        (false, _) => Order::Older,
        (true, false) => Order::Later,
        (true, true) => Order::Either,
    }
}

fn signs(kind: Kind) -> &'static Signs {
    match kind {
        Kind::PaymentIntent => &Signs {
            once: &["latest_charge", "canceled_at"],
            rising: &["amount_received"],
            other: &[
                "amount",
                "amount_capturable",
                "customer",
                "payment_method",
                "description",
                "metadata",
            ],
            ..NO_SIGNS
        },
        Kind::Charge => &Signs {
            once: &["captured", "disputed", "balance_transaction", "failure_code"],
            rising: &["amount_captured"],
            // Falls when a refund fails.
            mostly_rising: &["amount_refunded"],
            other: &["metadata"],
        },
        Kind::Refund => &Signs { once: &["failure_reason"], other: &["metadata"], ..NO_SIGNS },
        Kind::SetupIntent => &Signs {
            once: &["latest_attempt", "mandate"],
            other: &["customer", "payment_method", "description", "metadata"],
            ..NO_SIGNS
        },
        Kind::CheckoutSession => &Signs {
            once: &["payment_intent", "setup_intent", "subscription", "invoice", "customer"],
            other: &["amount_total", "metadata"],
            ..NO_SIGNS
        },
        Kind::Dispute => &Signs {
            rising: &["evidence_details.submission_count"],
            other: &["amount", "evidence_details.due_by", "is_charge_refundable", "metadata"],
            ..NO_SIGNS
        },
        Kind::Payout => &Signs {
            once: &["balance_transaction", "failure_code"],
            other: &["arrival_date", "metadata"],
            ..NO_SIGNS
        },
        Kind::Subscription => &Signs {
            once: &["ended_at", "latest_invoice"],
            other: &[
                "cancel_at",
                "cancel_at_period_end",
                "canceled_at",
                "default_payment_method",
                "items.data",
                "pause_collection",
                "schedule",
                "trial_end",
                "metadata",
            ],
            ..NO_SIGNS
        },
        Kind::Invoice => &Signs {
            once: &[
                "number",
                "status_transitions.finalized_at",
                "status_transitions.marked_uncollectible_at",
                "status_transitions.paid_at",
                "status_transitions.voided_at",
            ],
            rising: &["attempt_count"],
            other: &["amount_due", "amount_paid", "due_date", "next_payment_attempt", "metadata"],
            ..NO_SIGNS
        },
        Kind::SubscriptionSchedule => &Signs {
            once: &["canceled_at", "completed_at", "released_at"],
            other: &["current_phase", "end_behavior", "phases", "metadata"],
            ..NO_SIGNS
        },
        Kind::Customer => &Signs {
            other: &[
                "balance",
                "currency",
                "delinquent",
                "invoice_settings.default_payment_method",
                "metadata",
            ],
            ..NO_SIGNS
        },
        // A method that was detached cannot be attached again; one that is not attached looks the same.
        Kind::PaymentMethod => &Signs { other: &["customer", "card", "metadata"], ..NO_SIGNS },
        Kind::Account => &Signs {
            other: &[
                "capabilities",
                "charges_enabled",
                "details_submitted",
                "payouts_enabled",
                "requirements",
                "metadata",
            ],
            ..NO_SIGNS
        },
        Kind::Product => &Signs {
            rising: &["updated"],
            other: &["active", "default_price", "description", "name", "metadata"],
            ..NO_SIGNS
        },
        Kind::Price => {
            &Signs { other: &["active", "lookup_key", "nickname", "metadata"], ..NO_SIGNS }
        }
        Kind::Mirrored(_) => &Signs { rising: &["updated"], ..NO_SIGNS },
    }
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
