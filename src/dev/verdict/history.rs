//! `app.transitions` against the rows: the last change of each object leads to what its row says,
//! and each begins where the one before it ended.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Difference, Table};
use stripe_simulator::Kind;

/// Checks the end of each history of one kind.
pub(in crate::dev) fn judge(
    table: &Table,
    rows: &[Value],
    transitions: &[Value],
) -> Vec<Difference> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let scope = |value: &Value| (text(value, "stripe_account"), value["livemode"] == true);
    let mut steps: Vec<&Value> =
        transitions.iter().filter(|step| step["object_kind"] == table.kind.as_str()).collect();
    steps.sort_by_key(|step| step["id"].as_i64());

    let mut found = Vec::new();
    let mut differ = |id: &str, what: &str, expected: &Value, seen: &Value| {
        found.push(Difference {
            table: "app.transitions".to_owned(),
            id: id.to_owned(),
            what: what.to_owned(),
            expected: expected.to_string(),
            found: seen.to_string(),
        });
    };
    let mut last: BTreeMap<_, &Value> = BTreeMap::new();
    for step in steps {
        let id = text(step, "object_id");
        let before = last.insert((scope(step), id.clone()), &step["to_status"]);
        let before = before.unwrap_or(&Value::Null);
        if *before != step["from_status"] {
            differ(&id, "from_status", before, &step["from_status"]);
        }
    }
    for row in rows {
        let id = text(row, table.id);
        let status = status(table.kind, row);
        let seen = last.remove(&(scope(row), id.clone())).unwrap_or(&Value::Null);
        if status != *seen {
            differ(&id, "the last to_status", &status, seen);
        }
    }
    for ((_, id), seen) in last {
        differ(&id, "the last to_status", &Value::Null, seen);
    }
    found
}

/// Status of a row, in the word that its transitions have for it.
fn status(kind: Kind, row: &Value) -> Value {
    let either = |column: &str, yes: &str, no: &str| {
        row[column].as_bool().map_or(Value::Null, |is| Value::from(if is { yes } else { no }))
    };
    match kind {
        Kind::CheckoutSession if row["status"] == "complete" => {
            let payment = row["payment_status"].as_str().unwrap_or_default();
            Value::from(format!("complete/{payment}"))
        }
        Kind::Customer => either("delinquent", "delinquent", "current"),
        Kind::Product | Kind::Price => either("active", "active", "inactive"),
        Kind::CheckoutSession
        | Kind::PaymentIntent
        | Kind::Charge
        | Kind::Refund
        | Kind::SetupIntent
        | Kind::PaymentMethod
        | Kind::Dispute
        | Kind::Payout
        | Kind::Account
        | Kind::Subscription
        | Kind::Invoice
        | Kind::SubscriptionSchedule
        | Kind::PortalSession
        | Kind::Event => row["status"].clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::customers;
    use super::super::money::REFUNDS;
    use super::*;

    fn row(status: &str) -> Value {
        json!({"stripe_refund_id": "re_1", "stripe_account": "", "livemode": false,
               "status": status})
    }

    fn step(id: i64, from: Option<&str>, to: &str) -> Value {
        json!({"id": id, "object_kind": "refund", "object_id": "re_1", "stripe_account": "",
               "livemode": false, "from_status": from, "to_status": to})
    }

    fn whats(rows: &[Value], steps: &[Value]) -> Vec<String> {
        let found = judge(&REFUNDS, rows, steps);
        found.into_iter().map(|d| format!("{}: {}, not {}", d.what, d.found, d.expected)).collect()
    }

    #[test]
    fn a_history_that_leads_to_the_row_is_no_difference_in_whatever_order_it_is_read() {
        let steps = [step(2, Some("succeeded"), "failed"), step(1, None, "succeeded")];
        assert_eq!(whats(&[row("failed")], &steps), Vec::<String>::new());
    }

    #[test]
    fn a_change_that_is_missing_or_too_much_is_found() {
        let (first, second) = (step(1, None, "succeeded"), step(3, Some("succeeded"), "failed"));
        assert_eq!(
            whats(&[row("failed")], std::slice::from_ref(&first)),
            ["the last to_status: \"succeeded\", not \"failed\""]
        );
        assert_eq!(
            whats(&[row("failed")], std::slice::from_ref(&second)),
            ["from_status: \"succeeded\", not null"]
        );
        let between = step(2, Some("pending"), "canceled");
        assert_eq!(whats(&[row("failed")], &[first.clone(), between, second]).len(), 2);
        assert_eq!(whats(&[row("pending")], &[]), ["the last to_status: null, not \"pending\""]);
        assert_eq!(whats(&[], &[first]), ["the last to_status: \"succeeded\", not null"]);
    }

    #[test]
    fn a_table_without_a_status_has_its_word_all_the_same() {
        let row = json!({"stripe_customer_id": "cus_1", "livemode": false, "delinquent": true});
        let step = json!({"id": 1, "object_kind": "customer", "object_id": "cus_1",
                          "livemode": false, "from_status": null, "to_status": "delinquent"});
        assert_eq!(judge(&customers::CUSTOMERS, &[row], &[step]), []);
    }
}
