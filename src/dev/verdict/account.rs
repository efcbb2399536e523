//! `app.connected_accounts` against Stripe's accounts.

use serde_json::{Value, json};

use super::Expect::{At, TimeAt};
use super::{Difference, Table};
use stripe_simulator::Kind;

pub(super) const CONNECTED_ACCOUNTS: Table = Table {
    name: crate::store::Table("app.connected_accounts"),
    kind: Kind::Account,
    id: "stripe_account_id",
    columns: &[
        ("charges_enabled", At("/charges_enabled")),
        ("payouts_enabled", At("/payouts_enabled")),
        ("details_submitted", At("/details_submitted")),
        ("currently_due", At("/requirements/currently_due")),
        ("past_due", At("/requirements/past_due")),
        ("disabled_reason", At("/requirements/disabled_reason")),
        ("current_deadline", TimeAt("/requirements/current_deadline")),
        ("card_payments", At("/capabilities/card_payments")),
        ("transfers", At("/capabilities/transfers")),
        ("account_type", At("/type")),
        ("country", At("/country")),
        ("default_currency", At("/default_currency")),
        ("metadata", At("/metadata")),
        ("stripe_created", TimeAt("/created")),
        // What follows from them, put there by `with_answers`.
        ("can_charge", At("/answers/can_charge")),
        ("can_receive_payouts", At("/answers/can_receive_payouts")),
        ("can_receive_payments", At("/answers/can_receive_payments")),
    ],
};

/// Adds to each account what it is able to do.
pub(in crate::dev) fn with_answers(accounts: &mut [Value]) {
    for account in accounts {
        let on = |pointer: &str| account.pointer(pointer) == Some(&json!(true));
        let active = |name: &str| account["capabilities"][name] == json!("active");
        let (charges, payouts) = (on("/charges_enabled"), on("/payouts_enabled"));
        let (cards, transfers) = (active("card_payments"), active("transfers"));
        account["answers"] = json!({
            "can_charge": charges && cards,
            "can_receive_payouts": payouts && transfers,
            "can_receive_payments": charges && payouts && transfers,
        });
    }
}

/// Each account that took its access back is known to have done so, and no other is.
pub(in crate::dev) fn access(revoked: &[String], rows: &[Value]) -> Vec<Difference> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = rows.iter().map(|row| (text(row, "stripe_account_id"), text(row, "status")));
    rows.filter(|(id, status)| revoked.contains(id) != (status == "deauthorized"))
        .map(|(id, found)| Difference {
            table: "app.connected_accounts".to_owned(),
            expected: if revoked.contains(&id) { "deauthorized" } else { "accessible" }.to_owned(),
            id,
            what: "status".to_owned(),
            found,
        })
        .collect()
}
