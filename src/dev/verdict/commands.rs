//! Commands: each acted once at Stripe, and each client has one answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Difference;
use crate::dev::clients::Answered;

/// Objects at Stripe that a command can have made, by their kinds.
pub(in crate::dev) struct Made<'a> {
    pub(in crate::dev) payments: &'a [Value],
    pub(in crate::dev) refunds: &'a [Value],
}

/// Compares the commands' rows with the objects at Stripe, and with what the clients were answered.
pub(in crate::dev) fn judge(
    rows: &[Value],
    made: &Made<'_>,
    answered: &[Answered],
) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |id: &str, what: &str, expected: &str, seen: String| {
        found.push(Difference {
            table: "quittance.commands".to_owned(),
            id: id.to_owned(),
            what: what.to_owned(),
            expected: expected.to_owned(),
            found: seen,
        });
    };
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let mut objects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for object in made.payments.iter().chain(made.refunds) {
        if let Some(command) = object["metadata"]["quittance_command"].as_str() {
            objects.entry(command.to_owned()).or_default().push(text(object, "id"));
        }
    }
    let mut keys = BTreeSet::new();
    for row in rows {
        let (id, kind, state) = (text(row, "id"), text(row, "kind"), text(row, "state"));
        keys.insert(text(row, "idempotency_key"));
        let is_done = state == "done";
        if !is_done && state != "refused" {
            differ(&id, "state", "done or refused", format!("{kind} {state}"));
        }
        let mine = objects.remove(&id).unwrap_or_default();
        if !matches!(&*kind, "create_payment" | "create_refund") {
            continue;
        }
        // A declined payment is refused, and exists.
        let is_declined = row["answer_status"] == 402;
        let expected = if is_done || is_declined { 1 } else { 0 };
        if mine.len() != expected {
            differ(&id, "objects at Stripe", &expected.to_string(), mine.join(", "));
        }
        let object = row["object_id"].as_str();
        if is_done && object != mine.first().map(String::as_str) {
            differ(&id, "object_id", &mine.join(", "), object.unwrap_or("none").to_owned());
        }
    }
    for (command, mine) in objects {
        differ(&command, "row", "present", format!("missing, and it made {}", mine.join(", ")));
    }
    for answer in answered {
        // A request that a rule of ours refuses at once has no row.
        let needs_row = matches!(answer.status, 200 | 201 | 402);
        let refers = answer.body["command"].as_str().is_some_and(|id| {
            rows.iter().any(|row| row["id"] == id && row["idempotency_key"] != *answer.key)
        });
        if needs_row && !keys.contains(&answer.key) && !refers {
            differ(&answer.key, "row", "present", "missing".to_owned());
        }
        if let Some((status, body)) = &answer.differs {
            let expected = format!("{} {}", answer.status, answer.body);
            differ(&answer.key, "repeated answer", &expected, format!("{status} {body}"));
        }
    }
    found.extend(refunds(made));
    found
}

/// Refunds that give back more than was received.
fn refunds(made: &Made<'_>) -> Vec<Difference> {
    let mut returned: BTreeMap<&str, i64> = BTreeMap::new();
    for refund in made.refunds {
        let lives = !matches!(refund["status"].as_str(), Some("failed" | "canceled"));
        let of = refund["payment_intent"].as_str();
        if let (true, Some(payment), Some(amount)) = (lives, of, refund["amount"].as_i64()) {
            *returned.entry(payment).or_default() += amount;
        }
    }
    let mut found = Vec::new();
    for payment in made.payments {
        let id = payment["id"].as_str().unwrap_or_default();
        let amount = payment["amount"].as_i64().unwrap_or(0);
        let sum = returned.get(id).copied().unwrap_or(0);
        if sum > amount {
            found.push(Difference {
                table: "app.refunds".to_owned(),
                id: id.to_owned(),
                what: "sum of refunds".to_owned(),
                expected: format!("at most {amount}"),
                found: sum.to_string(),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(id: &str, kind: &str, state: &str) -> Value {
        json!({"id": id, "kind": kind, "state": state, "idempotency_key": format!("key-{id}"),
               "object_id": format!("pi_{id}"), "answer_status": 200})
    }

    fn payment(id: &str, command: &str) -> Value {
        json!({"id": id, "amount": 100, "metadata": {"quittance_command": command}})
    }

    fn found(rows: &[Value], payments: &[Value], refunds: &[Value]) -> Vec<String> {
        let found = judge(rows, &Made { payments, refunds }, &[]);
        found.into_iter().map(|difference| difference.what).collect()
    }

    #[test]
    fn a_command_with_its_one_object_is_no_difference() {
        let rows = [row("1", "create_payment", "done")];
        assert_eq!(found(&rows, &[payment("pi_1", "1")], &[]), [""; 0]);
    }

    #[test]
    fn a_command_that_acted_twice_or_never_or_is_open_is_found() {
        let rows = [row("1", "create_payment", "done")];
        let twice = [payment("pi_1", "1"), payment("pi_2", "1")];
        assert_eq!(found(&rows, &twice, &[]), ["objects at Stripe"]);
        assert_eq!(found(&rows, &[], &[]), ["objects at Stripe", "object_id"]);
        let open = [row("1", "capture_payment", "unknown")];
        assert_eq!(found(&open, &[], &[]), ["state"]);
        let mut refused = row("1", "create_payment", "refused");
        refused["answer_status"] = json!(409);
        assert_eq!(found(&[refused.clone()], &[payment("pi_1", "1")], &[]), ["objects at Stripe"]);
        refused["answer_status"] = json!(402);
        assert_eq!(found(&[refused], &[payment("pi_1", "1")], &[]), [""; 0]);
    }

    #[test]
    fn an_object_whose_command_has_no_row_is_found() {
        assert_eq!(found(&[], &[payment("pi_1", "1")], &[]), ["row"]);
    }

    #[test]
    fn refunds_above_the_payment_are_found() {
        let refund = |id: &str, status: &str| json!({"id": id, "payment_intent": "pi_1", "amount": 60, "status": status});
        let payments = [json!({"id": "pi_1", "amount": 100})];
        let two = [refund("re_1", "succeeded"), refund("re_2", "pending")];
        assert_eq!(found(&[], &payments, &two), ["sum of refunds"]);
        let one = [refund("re_1", "succeeded"), refund("re_2", "failed")];
        assert_eq!(found(&[], &payments, &one), [""; 0]);
    }

    #[test]
    fn an_answer_that_changed_or_has_no_command_is_found() {
        let answer = Answered {
            key: "key-1".to_owned(),
            status: 200,
            body: json!({"id": "pi_1"}),
            sent: 2,
            differs: Some((409, json!({}))),
        };
        let made = Made { payments: &[], refunds: &[] };
        let found = judge(&[], &made, &[answer]);
        let found: Vec<_> = found.iter().map(|difference| &*difference.what).collect();
        assert_eq!(found, ["row", "repeated answer"]);
    }
}
