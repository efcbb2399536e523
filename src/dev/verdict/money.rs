//! Payments, charges and refunds.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Expect::{At, IdAt, TimeAt};
use super::Table;
use crate::store::Table as Name;
use stripe_simulator::Kind;

pub(super) const PAYMENTS: Table = Table {
    name: Name("app.payments"),
    kind: Kind::PaymentIntent,
    id: "stripe_payment_intent_id",
    columns: &[
        ("amount", At("/amount")),
        ("amount_capturable", At("/amount_capturable")),
        ("amount_received", At("/amount_received")),
        ("currency", At("/currency")),
        ("status", At("/status")),
        ("customer", IdAt("/customer")),
        ("payment_method", IdAt("/payment_method")),
        ("latest_charge", IdAt("/latest_charge")),
        ("capture_method", At("/capture_method")),
        ("failure_code", At("/last_payment_error/code")),
        ("failure_decline_code", At("/last_payment_error/decline_code")),
        ("failure_message", At("/last_payment_error/message")),
        ("cancellation_reason", At("/cancellation_reason")),
        ("canceled_at", TimeAt("/canceled_at")),
        ("next_action", At("/next_action/type")),
        ("transfer_destination", IdAt("/transfer_data/destination")),
        ("application_fee_amount", At("/application_fee_amount")),
        ("on_behalf_of", IdAt("/on_behalf_of")),
        ("description", At("/description")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
        // Sums over the payment's charges, put there by `with_sums`.
        ("amount_captured", At("/sum_captured")),
        ("amount_refunded", At("/sum_returned")),
    ],
};

pub(super) const CHARGES: Table = Table {
    name: Name("app.charges"),
    kind: Kind::Charge,
    id: "stripe_charge_id",
    columns: &[
        ("amount", At("/amount")),
        ("amount_captured", At("/amount_captured")),
        ("amount_refunded", At("/amount_refunded")),
        ("currency", At("/currency")),
        ("status", At("/status")),
        ("captured", At("/captured")),
        ("refunded", At("/refunded")),
        ("disputed", At("/disputed")),
        ("payment_intent", IdAt("/payment_intent")),
        ("customer", IdAt("/customer")),
        ("payment_method", At("/payment_method")),
        ("failure_code", At("/failure_code")),
        ("failure_message", At("/failure_message")),
        ("outcome", At("/outcome/type")),
        ("transfer_destination", IdAt("/transfer_data/destination")),
        ("application_fee_amount", At("/application_fee_amount")),
        ("balance_transaction", IdAt("/balance_transaction")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};

pub(super) const REFUNDS: Table = Table {
    name: Name("app.refunds"),
    kind: Kind::Refund,
    id: "stripe_refund_id",
    columns: &[
        ("amount", At("/amount")),
        ("currency", At("/currency")),
        ("status", At("/status")),
        ("charge", IdAt("/charge")),
        ("payment_intent", IdAt("/payment_intent")),
        ("reason", At("/reason")),
        ("failure_reason", At("/failure_reason")),
        ("balance_transaction", IdAt("/balance_transaction")),
        ("metadata", At("/metadata")),
        ("stripe_created", TimeAt("/created")),
    ],
};

/// Adds to each payment what its charges sum up to.
///
/// An authorisation that was released counts as refunded at Stripe, although no money had moved; it
/// is not counted here.
pub(in crate::dev) fn with_sums(payments: &mut [Value], charges: &[Value]) {
    let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    let number = |object: &Value, key: &str| object.get(key).and_then(Value::as_i64).unwrap_or(0);
    for charge in charges {
        if let Some(payment) = charge.get("payment_intent").and_then(Value::as_str) {
            let released = (number(charge, "amount") - number(charge, "amount_captured")).max(0);
            let returned = (number(charge, "amount_refunded") - released).max(0);
            let sum = sums.entry(payment).or_default();
            sum.0 += number(charge, "amount_captured");
            sum.1 += returned;
        }
    }
    for payment in payments {
        let id = payment.get("id").and_then(Value::as_str).unwrap_or_default();
        let (captured, returned) = sums.get(id).copied().unwrap_or_default();
        if let Some(object) = payment.as_object_mut() {
            object.insert("sum_captured".to_owned(), captured.into());
            object.insert("sum_returned".to_owned(), returned.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_released_authorisation_is_not_money_that_went_back() {
        let mut payments = [json!({"id": "pi_1"})];
        let charges = [
            json!({"payment_intent": "pi_1", "amount": 100, "amount_captured": 0, "amount_refunded": 100}),
            json!({"payment_intent": "pi_1", "amount": 100, "amount_captured": 60, "amount_refunded": 50}),
        ];
        with_sums(&mut payments, &charges);
        assert_eq!(
            (&payments[0]["sum_captured"], &payments[0]["sum_returned"]),
            (&json!(60), &json!(10))
        );
    }
}
