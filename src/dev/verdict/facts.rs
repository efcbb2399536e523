//! Expected notifications, by what the simulator knows: its objects as they are in the end, and
//! the events that it sent.
//!
//! Which words of Stripe make which fact true stands here a second time, as in the whole verdict:
//! a judge that shared the code of the judged would never miss what that forgets.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::Difference;
use stripe_simulator::{Kind, Scope};

/// A fact, and how often the life of an object makes it true.
struct Saying {
    kind: Kind,
    topic: &'static str,
    rule: Rule,
}

enum Rule {
    /// Told whenever this becomes true of the object.
    While(fn(&Value) -> bool),
    /// Told whenever what this other topic told is true no longer; `While` that holds.
    NoLonger(&'static str, fn(&Value) -> bool),
    /// Told whenever there is more of something: at least once where some of it is left in the end,
    /// and at most as often as this says.
    More(fn(&Value) -> bool, fn(&Life<'_>, &Sent<'_>) -> usize),
}
use Rule::{More, NoLonger, While};

const fn say(kind: Kind, topic: &'static str, rule: Rule) -> Saying {
    Saying { kind, topic, rule }
}

#[rustfmt::skip]
const SAYINGS: &[Saying] = &[
    say(Kind::PaymentIntent, "payment.succeeded", While(|o| o["status"] == "succeeded")),
    say(Kind::PaymentIntent, "payment.canceled", While(|o| o["status"] == "canceled")),
    say(Kind::PaymentIntent, "payment.processing", While(|o| o["status"] == "processing")),
    say(Kind::PaymentIntent, "payment.requires_action", While(|o| o["status"] == "requires_action")),
    say(Kind::PaymentIntent, "payment.capturable", While(|o| o["status"] == "requires_capture")),
    say(Kind::Charge, "payment.refunded", More(|o| returned(o) > 0, refunds)),
    say(Kind::Refund, "refund.succeeded", While(|o| o["status"] == "succeeded")),
    say(Kind::Refund, "refund.failed", While(|o| o["status"] == "failed")),
    say(Kind::Refund, "refund.canceled", While(|o| o["status"] == "canceled")),
    say(Kind::SetupIntent, "setup.succeeded", While(|o| o["status"] == "succeeded")),
    say(Kind::SetupIntent, "setup.requires_action", While(|o| o["status"] == "requires_action")),
    say(Kind::SetupIntent, "setup.canceled", While(|o| o["status"] == "canceled")),
    say(Kind::CheckoutSession, "checkout.completed", While(|o| o["status"] == "complete")),
    say(Kind::CheckoutSession, "checkout.paid",
        While(|o| o["status"] == "complete" && o["payment_status"] == "paid")),
    say(Kind::Dispute, "dispute.opened", While(|_| true)),
    say(Kind::Dispute, "dispute.won", While(|o| o["status"] == "won")),
    say(Kind::Dispute, "dispute.lost", While(|o| o["status"] == "lost")),
    say(Kind::Dispute, "dispute.closed",
        While(|o| o["status"] == "warning_closed" || o["status"] == "prevented")),
    say(Kind::Account, "account.charges_enabled", While(|o| o["charges_enabled"] == true)),
    say(Kind::Account, "account.charges_disabled",
        NoLonger("account.charges_enabled", |o| o["charges_enabled"] == true)),
    say(Kind::Account, "account.payouts_enabled", While(|o| o["payouts_enabled"] == true)),
    say(Kind::Account, "account.payouts_disabled",
        NoLonger("account.payouts_enabled", |o| o["payouts_enabled"] == true)),
    say(Kind::Account, "account.requirements_due", More(is_anything_due, words_of_account)),
    say(Kind::Payout, "payout.paid", While(|o| o["status"] == "paid")),
    say(Kind::Payout, "payout.failed", While(|o| o["status"] == "failed")),
    say(Kind::Payout, "payout.canceled", While(|o| o["status"] == "canceled")),
    say(Kind::Subscription, "subscription.trialing", While(|o| o["status"] == "trialing")),
    say(Kind::Subscription, "subscription.activated", While(|o| o["status"] == "active")),
    say(Kind::Subscription, "subscription.past_due", While(|o| o["status"] == "past_due")),
    say(Kind::Subscription, "subscription.unpaid", While(|o| o["status"] == "unpaid")),
    say(Kind::Subscription, "subscription.paused", While(|o| o["status"] == "paused")),
    say(Kind::Subscription, "subscription.canceled", While(|o| o["status"] == "canceled")),
    say(Kind::Invoice, "invoice.finalized", While(|o| o["status"] == "open")),
    say(Kind::Invoice, "invoice.paid", While(|o| o["status"] == "paid")),
    say(Kind::Invoice, "invoice.voided", While(|o| o["status"] == "void")),
    say(Kind::Invoice, "invoice.uncollectible", While(|o| o["status"] == "uncollectible")),
];

/// The types of event that tell something by themselves.
const OCCURRENCES: &[(&str, &str)] = &[
    ("payment_intent.payment_failed", "payment.attempt_failed"),
    ("checkout.session.async_payment_failed", "checkout.payment_failed"),
    ("checkout.session.expired", "checkout.expired"),
    ("charge.dispute.funds_withdrawn", "dispute.funds_withdrawn"),
    ("charge.dispute.funds_reinstated", "dispute.funds_reinstated"),
    ("account.application.deauthorized", "account.deauthorized"),
    ("customer.subscription.trial_will_end", "subscription.trial_ending"),
    ("invoice.payment_failed", "invoice.payment_failed"),
    ("invoice.payment_action_required", "invoice.payment_action_required"),
];

/// What went back of the money that was taken. What was authorised and released counts as refunded
/// at Stripe, too, although nothing had moved.
fn returned(charge: &Value) -> i64 {
    let number = |key: &str| charge[key].as_i64().unwrap_or_default();
    let released = (number("amount") - number("amount_captured")).max(0);
    number("amount_refunded") - released
}

fn refunds(charge: &Life<'_>, sent: &Sent<'_>) -> usize {
    sent.refunded.get(&charge.key).copied().unwrap_or_default()
}

fn is_anything_due(account: &Value) -> bool {
    let some = |list: &str| account["requirements"][list].as_array().is_some_and(|l| !l.is_empty());
    some("currently_due") || some("past_due")
}

/// Each event of an account or of a capability may tell of more that is due.
fn words_of_account(account: &Life<'_>, sent: &Sent<'_>) -> usize {
    let is_of = |event: &&Value| {
        let object = &event["data"]["object"]["object"];
        event["account"] == account.key.id && (object == "account" || object == "capability")
    };
    sent.events.iter().filter(is_of).count()
}

/// Whose object, and which.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    account: String,
    livemode: bool,
    kind: String,
    id: String,
}

impl Key {
    fn new(account: &Value, livemode: &Value, kind: &Value, id: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self { account: text(account), livemode: livemode == true, kind: text(kind), id: text(id) }
    }
}

/// One object: what events showed of it, in order, and what it is in the end.
struct Life<'a> {
    key: Key,
    shown: Vec<&'a Value>,
    /// None: it is gone, or it can no longer be looked at. Then nothing *must* have been seen of it.
    last: Option<&'a Value>,
}

impl Life<'_> {
    /// How often something became true of it.
    fn times(&self, is_true: fn(&Value) -> bool) -> usize {
        let mut before = false;
        let mut times = 0;
        for now in self.shown.iter().copied().chain(self.last).map(is_true) {
            times += usize::from(now && !before);
            before = now;
        }
        times
    }

    /// How often a fact may have been told.
    fn allows(&self, rule: &Rule, sent: &Sent<'_>, told: Told<'_>) -> RangeInclusive<usize> {
        let ends_so = |is_true: fn(&Value) -> bool| self.last.is_some_and(is_true);
        match *rule {
            While(is_true) => usize::from(ends_so(is_true))..=self.times(is_true),
            // Once for each time that it was told to be true; but for the last, where it still is.
            NoLonger(other, is_true) => {
                let begun = told.get(&(&self.key, other)).copied().unwrap_or_default();
                let most = begun.saturating_sub(usize::from(ends_so(is_true)));
                let least = if self.last.is_some() { most } else { begun.saturating_sub(1) };
                least..=most
            }
            More(is_some, most) => usize::from(ends_so(is_some))..=most(self, sent),
        }
    }
}

/// Events that the simulator sent.
struct Sent<'a> {
    events: &'a [Value],
    /// How many refunds a charge has.
    refunded: BTreeMap<Key, usize>,
}

type Told<'a> = &'a BTreeMap<(&'a Key, &'a str), usize>;

/// Holds what was told against the simulator: each state fact about each of its objects, each
/// occurrence of each of its events, and nothing else. In accounts that are `revoked` nothing need
/// have been seen.
pub(in crate::dev) fn judge(
    objects: &[(Scope, Kind, Vec<Value>)],
    events: &[Value],
    revoked: &[String],
    outbox: &[Value],
) -> Vec<Difference> {
    let (states, occurrences): (Vec<_>, Vec<_>) =
        outbox.iter().partition(|row| row["sort"] == "state");
    let mut found = state_facts(objects, events, revoked, &states);
    found.extend(of_events(events, &occurrences));
    found
}

fn lives<'a>(
    objects: &'a [(Scope, Kind, Vec<Value>)],
    events: &'a [Value],
    revoked: &[String],
) -> BTreeMap<Key, Life<'a>> {
    let mut all: BTreeMap<Key, Life<'a>> = BTreeMap::new();
    let new = |key: &Key| Life { key: key.clone(), shown: Vec::new(), last: None };
    for event in events {
        let object = &event["data"]["object"];
        let key = Key::new(&event["account"], &event["livemode"], &object["object"], &object["id"]);
        all.entry(key.clone()).or_insert_with(|| new(&key)).shown.push(object);
    }
    for (key, object) in ends(objects) {
        let is_seen = !revoked.contains(&key.account) && object["deleted"] != true;
        let life = all.entry(key.clone()).or_insert_with(|| new(&key));
        life.last = Some(object).filter(|_| is_seen);
    }
    all
}

/// All objects as they are in the end.
fn ends(objects: &[(Scope, Kind, Vec<Value>)]) -> impl Iterator<Item = (Key, &Value)> {
    objects.iter().flat_map(|(scope, kind, all)| {
        let key = |object| Key {
            account: scope.account.clone().unwrap_or_default(),
            livemode: scope.livemode,
            kind: kind.as_str().to_owned(),
            id: text(object, "id"),
        };
        all.iter().map(move |object| (key(object), object))
    })
}

fn state_facts(
    objects: &[(Scope, Kind, Vec<Value>)],
    events: &[Value],
    revoked: &[String],
    rows: &[&Value],
) -> Vec<Difference> {
    let lives = lives(objects, events, revoked);
    let mut sent = Sent { events, refunded: BTreeMap::new() };
    for (key, refund) in ends(objects).filter(|(key, _)| key.kind == "refund") {
        let charge = Key { kind: "charge".to_owned(), id: text(refund, "charge"), ..key };
        *sent.refunded.entry(charge).or_default() += 1;
    }
    let keys: Vec<(Key, String)> = rows
        .iter()
        .map(|row| {
            let [account, livemode, kind, id] =
                ["account", "livemode", "object_kind", "object_id"].map(|column| &row[column]);
            (Key::new(account, livemode, kind, id), text(row, "topic"))
        })
        .collect();
    let mut told: BTreeMap<(&Key, &str), usize> = BTreeMap::new();
    for (key, topic) in &keys {
        *told.entry((key, topic)).or_default() += 1;
    }
    let mut found = Vec::new();
    let mut unasked = told.clone();
    for life in lives.values() {
        for saying in SAYINGS.iter().filter(|saying| saying.kind.as_str() == life.key.kind) {
            let allowed = life.allows(&saying.rule, &sent, &told);
            let times = unasked.remove(&(&life.key, saying.topic)).unwrap_or_default();
            if !allowed.contains(&times) {
                found.push(differ(&life.key.id, saying.topic, &range(&allowed), times));
            }
        }
    }
    for ((key, topic), times) in unasked {
        let expected = if lives.contains_key(key) { "0" } else { "0, there is no such object" };
        found.push(differ(&key.id, topic, expected, times));
    }
    found
}

/// Each event of these types told its occurrence once, about its own object, and no other did.
fn of_events(events: &[Value], rows: &[&Value]) -> Vec<Difference> {
    let mut told: BTreeMap<(String, String), Vec<&Value>> = BTreeMap::new();
    for row in rows {
        told.entry((text(row, "cause"), text(row, "topic"))).or_default().push(row);
    }
    let mut found = Vec::new();
    for event in events {
        let id = text(event, "id");
        let Some((_, topic)) = OCCURRENCES.iter().find(|(of, _)| event["type"] == *of) else {
            continue;
        };
        let rows = told.remove(&(id.clone(), (*topic).to_owned())).unwrap_or_default();
        if rows.len() != 1 {
            found.push(differ(&id, topic, "1", rows.len()));
        }
        let (kind, object) = about(event);
        for row in rows {
            if row["object_id"] != object || row["object_kind"] != kind {
                let mut wrong = differ(&id, topic, object, 1);
                wrong.found = text(row, "object_id");
                found.push(wrong);
            }
        }
    }
    for ((event, topic), rows) in told {
        found.push(differ(&event, &topic, "0", rows.len()));
    }
    found
}

/// Kind and id of what an event is about. One about our access shows the application that had it.
fn about(event: &Value) -> (&str, &str) {
    let object = &event["data"]["object"];
    let (kind, id) = if event["type"] == "account.application.deauthorized" {
        ("account", &event["account"])
    } else {
        (object["object"].as_str().unwrap_or_default(), &object["id"])
    };
    (kind, id.as_str().unwrap_or_default())
}

fn range(allowed: &RangeInclusive<usize>) -> String {
    let (least, most) = (allowed.start(), allowed.end());
    if least == most { least.to_string() } else { format!("{least} to {most}") }
}

fn differ(id: &str, topic: &str, expected: &str, times: usize) -> Difference {
    Difference {
        table: "quittance.outbox".to_owned(),
        id: id.to_owned(),
        what: topic.to_owned(),
        expected: expected.to_owned(),
        found: times.to_string(),
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
