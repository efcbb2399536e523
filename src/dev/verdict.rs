//! The verdict: every row held against the simulator's truth.
//!
//! The mapping from Stripe's fields to our columns stands here a second time, as a table of its
//! own. That is on purpose: a judge that shared the code of the judged would share its mistakes.

pub(super) mod account;
pub(super) mod billing;
pub(super) mod commands;
mod customers;
mod dispute;
pub(super) mod facts;
pub(super) mod history;
pub(super) mod money;
mod payout;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use stripe_simulator::Kind;

/// Expected value of a column.
#[derive(Clone, Copy)]
enum Expect {
    /// The value at this JSON pointer of Stripe's object; absent is null.
    At(&'static str),
    /// The id at this pointer, whether the object there is expanded or not.
    IdAt(&'static str),
    /// The second at this pointer; the column is a timestamp.
    TimeAt(&'static str),
    /// Whether the number at this pointer is more than nothing.
    AnyAt(&'static str),
}
use Expect::{AnyAt, At, IdAt, TimeAt};

/// One table of `app`, and how each of its columns follows from the object.
pub(super) struct Table {
    pub(super) name: crate::store::Table,
    /// The simulator's word for its objects.
    pub(super) kind: Kind,
    id: &'static str,
    columns: &'static [(&'static str, Expect)],
}

/// All tables that the verdict looks at.
pub(super) const TABLES: &[Table] = &[
    money::PAYMENTS,
    money::CHARGES,
    money::REFUNDS,
    customers::CUSTOMERS,
    customers::SETUP_INTENTS,
    customers::CHECKOUT_SESSIONS,
    customers::PAYMENT_METHODS,
    dispute::DISPUTES,
    payout::PAYOUTS,
    account::CONNECTED_ACCOUNTS,
    billing::SUBSCRIPTIONS,
    billing::INVOICES,
    billing::PRODUCTS,
    billing::PRICES,
    billing::SUBSCRIPTION_SCHEDULES,
];

/// Tables of what is shown within other objects, and where it stands there.
pub(super) const CHILDREN: &[(&str, Table)] = &[("/items/data", billing::SUBSCRIPTION_ITEMS)];

/// All children of some objects.
pub(super) fn children(parents: &[Value], at: &str) -> Vec<Value> {
    let lists = parents.iter().filter_map(|parent| parent.pointer(at)?.as_array());
    lists.flatten().cloned().collect()
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `app.payments`, ...
    pub table: String,
    /// Stripe's id.
    pub id: String,
    /// The column, or what is wrong with the row as a whole.
    pub what: String,
    /// What the simulator says.
    pub expected: String,
    /// What the table says.
    pub found: String,
}

/// Compares all objects of a kind with all rows of its table.
pub(super) fn compare(table: &Table, truth: &[Value], rows: &[Value]) -> Vec<Difference> {
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut rows: BTreeMap<String, &Value> = rows.iter().map(|r| (text(r, table.id), r)).collect();
    let mut found = Vec::new();
    let mut differ = |id: &str, what: &str, expected: String, seen: String| {
        found.push(Difference {
            table: table.name.0.to_owned(),
            id: id.to_owned(),
            what: what.to_owned(),
            expected,
            found: seen,
        });
    };
    for object in truth {
        let id = text(object, "id");
        let deleted = |it: &Value| it.get("deleted") == Some(&Value::Bool(true));
        let row = rows.remove(&id);
        if let Some(row) = row.filter(|row| deleted(row) != deleted(object)) {
            differ(&id, "deleted", deleted(object).to_string(), deleted(row).to_string());
            continue;
        }
        if deleted(object) {
            // What is left of it at Stripe says no more than that. There is no row at all where it
            // was gone before anybody looked.
            continue;
        }
        if row.is_none() && had_no_event(object) {
            continue;
        }
        let Some(row) = row else {
            differ(&id, "row", "present".to_owned(), "missing".to_owned());
            continue;
        };
        for (column, expect) in table.columns {
            let expected = expect.of(object);
            let seen = expect.seen(row.get(column).unwrap_or(&Value::Null));
            if expected != seen {
                differ(&id, column, expected.to_string(), seen.to_string());
            }
        }
    }
    for (id, row) in rows {
        // What was deleted is no longer among the truth, and its row says so.
        if row.get("deleted") != Some(&Value::Bool(true)) {
            differ(&id, "row", "none".to_owned(), "present".to_owned());
        }
    }
    found
}

/// Whether Stripe has sent no event of an object yet, so that its row need not be there: a checkout
/// session has its first one when it is completed or expires.
fn had_no_event(object: &Value) -> bool {
    object["object"] == "checkout.session" && object["status"] == "open"
}

/// Each event that happened is in the ledger, and ended well.
pub(super) fn ledger(truth: &[Value], rows: &[Value]) -> Vec<Difference> {
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut ended: BTreeMap<String, String> =
        rows.iter().map(|row| (text(row, "id"), text(row, "status"))).collect();
    let differ = |id: String, expected: &str, found: &str| Difference {
        table: "quittance.events".to_owned(),
        id,
        what: "status".to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    };
    let mut found = Vec::new();
    for event in truth {
        let id = text(event, "id");
        match ended.remove(&id).as_deref() {
            Some("settled" | "ignored") => {}
            Some(other) => found.push(differ(id, "settled", other)),
            None => found.push(differ(id, "settled", "missing")),
        }
    }
    found.extend(ended.into_keys().map(|id| differ(id, "none", "present")));
    found
}

/// Leaves out what nobody can know of: events that were never delivered, of accounts that have taken their access
/// back before they were listed.
pub(super) fn without_unreachable(
    events: &mut Vec<Value>,
    revoked: &[String],
    swallowed: &[String],
    ledger: &[Value],
) {
    let is_one_of = |id: &Value, all: &[String]| all.iter().any(|one| *id == one.as_str());
    let held: BTreeSet<&str> = ledger.iter().filter_map(|row| row["id"].as_str()).collect();
    events.retain(|event| {
        let is_held = event["id"].as_str().is_some_and(|id| held.contains(id));
        let unreachable =
            is_one_of(&event["account"], revoked) && is_one_of(&event["id"], swallowed);
        is_held || !unreachable
    });
}

/// Each event that happened before the time until which its account is said to be complete, and that is not in
/// the ledger.
pub(super) fn claims(
    accounts: &[Value],
    ledger: &[Value],
    events: &[(String, Vec<Value>)],
) -> Vec<Difference> {
    let held: BTreeSet<&str> = ledger.iter().filter_map(|row| row["id"].as_str()).collect();
    let mut found = Vec::new();
    for (account, events) in events {
        let Some(row) = accounts.iter().find(|row| row["account"] == account.as_str()) else {
            continue;
        };
        let at = |column: &str| row[column].as_str().and_then(seconds);
        let (Some(since), Some(until)) = (at("since"), at("complete_until")) else { continue };
        for event in events {
            let claimed = event["created"].as_i64().is_some_and(|at| (since..until).contains(&at));
            let id = event["id"].as_str().unwrap_or_default();
            if claimed && !held.contains(id) {
                found.push(Difference {
                    table: "quittance.sweep_accounts".to_owned(),
                    id: id.to_owned(),
                    what: "complete until".to_owned(),
                    expected: "in the ledger".to_owned(),
                    found: "missing".to_owned(),
                });
            }
        }
    }
    found
}

/// Each forged webhook that was answered 2xx.
pub(super) fn forgeries(accepted: u64) -> Option<Difference> {
    (accepted > 0).then(|| Difference {
        table: "ingress".to_owned(),
        id: "-".to_owned(),
        what: "forged webhooks accepted".to_owned(),
        expected: "0".to_owned(),
        found: accepted.to_string(),
    })
}

/// The roles were not through with their work in time.
pub(super) fn unfinished(within: std::time::Duration) -> Difference {
    Difference {
        table: "queue".to_owned(),
        id: "-".to_owned(),
        what: format!("empty within {} s", within.as_secs()),
        expected: "yes".to_owned(),
        found: "no".to_owned(),
    }
}

impl Expect {
    fn of(self, object: &Value) -> Value {
        let at = |pointer: &str| object.pointer(pointer).cloned().unwrap_or(Value::Null);
        match self {
            At(pointer) | TimeAt(pointer) => at(pointer),
            AnyAt(pointer) => Value::from(at(pointer).as_i64().is_some_and(|n| n > 0)),
            IdAt(pointer) => {
                let value = at(pointer);
                value.get("id").cloned().unwrap_or(value)
            }
        }
    }

    /// The column's value in the terms of Stripe's object.
    fn seen(self, column: &Value) -> Value {
        match self {
            At(_) | IdAt(_) | AnyAt(_) => column.clone(),
            TimeAt(_) => column.as_str().and_then(seconds).map_or(Value::Null, Value::from),
        }
    }
}

/// Seconds since 1970 of a timestamp as Postgres renders it in JSON.
fn seconds(text: &str) -> Option<i64> {
    use time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(text, &Rfc3339).ok().map(time::OffsetDateTime::unix_timestamp)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::money::REFUNDS;
    use super::*;

    fn refund() -> Value {
        json!({"id": "re_1", "amount": 5, "currency": "eur", "status": "failed", "charge": "ch_1",
               "payment_intent": {"id": "pi_1"}, "reason": null, "failure_reason": "unknown",
               "metadata": {}, "created": 1_700_000_000})
    }

    fn row() -> Value {
        json!({"stripe_refund_id": "re_1", "amount": 5, "currency": "eur", "status": "failed",
               "charge": "ch_1", "payment_intent": "pi_1", "reason": null,
               "failure_reason": "unknown", "metadata": {}, "livemode": false,
               "stripe_created": "2023-11-14T22:13:20+00:00"})
    }

    #[test]
    fn a_row_that_says_what_stripe_says_is_no_difference() {
        assert_eq!(compare(&REFUNDS, &[refund()], &[row()]), []);
    }

    #[test]
    fn each_column_that_differs_is_found() {
        for column in REFUNDS.columns.iter().map(|(name, _)| name) {
            let mut row = row();
            row[*column] = json!("something else");
            let found = compare(&REFUNDS, &[refund()], &[row]);
            assert_eq!(found.iter().map(|d| d.what.as_str()).collect::<Vec<_>>(), [*column]);
        }
    }

    #[test]
    fn a_missing_row_and_one_too_many_are_found() {
        let found = compare(&REFUNDS, &[refund()], &[]);
        assert_eq!((&*found[0].what, &*found[0].found), ("row", "missing"));
        let found = compare(&REFUNDS, &[], &[row()]);
        assert_eq!((&*found[0].what, &*found[0].found), ("row", "present"));
    }

    #[test]
    fn a_claim_about_an_event_that_is_not_there_is_found() {
        let account = json!({"account": "", "since": "1970-01-01T00:00:10+00:00",
                             "complete_until": "1970-01-01T00:00:20+00:00"});
        let event = |id: &str, created: i64| json!({"id": id, "created": created});
        let events = vec![
            event("evt_before", 9),
            event("evt_1", 10),
            event("evt_2", 19),
            event("evt_after", 20),
        ];
        let of = |ledger: &[Value]| {
            let found =
                claims(std::slice::from_ref(&account), ledger, &[(String::new(), events.clone())]);
            found.into_iter().map(|it| it.id).collect::<Vec<_>>()
        };
        assert_eq!(of(&[json!({"id": "evt_1"})]), ["evt_2"]);
        assert_eq!(of(&[json!({"id": "evt_1"}), json!({"id": "evt_2"})]), [""; 0]);
    }

    #[test]
    fn a_deleted_object_and_its_row_must_agree() {
        let gone = json!({"id": "re_1", "object": "refund", "deleted": true});
        let mut buried = row();
        buried["deleted"] = json!(true);
        for (object, rows, expected) in [
            (gone.clone(), vec![], None),
            (gone.clone(), vec![buried.clone()], None),
            (gone, vec![row()], Some(("deleted", "false"))),
            (refund(), vec![buried], Some(("deleted", "true"))),
        ] {
            let found = compare(&REFUNDS, &[object], &rows);
            let found = found.first().map(|d| (d.what.as_str(), d.found.as_str()));
            assert_eq!(found, expected);
        }
        let mut tombstone = row();
        tombstone["deleted"] = json!(true);
        assert_eq!(compare(&REFUNDS, &[], &[tombstone]), [], "it may be gone from the truth");
    }
}
