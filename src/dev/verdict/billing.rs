//! The tables of billing.

use serde_json::Value;

use super::Expect::{AnyAt, At, IdAt, TimeAt};
use super::Table;
use crate::store::Table as Name;
use stripe_simulator::Kind;

pub(super) const SUBSCRIPTIONS: Table = Table {
    name: Name("app.subscriptions"),
    kind: Kind::Subscription,
    id: "stripe_subscription_id",
    columns: &[
        ("status", At("/status")),
        ("customer", IdAt("/customer")),
        ("currency", At("/currency")),
        ("collection_method", At("/collection_method")),
        // The simulator's items all have the same period.
        ("current_period_start", TimeAt("/items/data/0/current_period_start")),
        ("current_period_end", TimeAt("/items/data/0/current_period_end")),
        ("trial_start", TimeAt("/trial_start")),
        ("trial_end", TimeAt("/trial_end")),
        ("cancel_at_period_end", At("/cancel_at_period_end")),
        ("cancel_at", TimeAt("/cancel_at")),
        ("canceled_at", TimeAt("/canceled_at")),
        ("ended_at", TimeAt("/ended_at")),
        ("pause_collection", At("/pause_collection/behavior")),
        ("pause_resumes_at", TimeAt("/pause_collection/resumes_at")),
        ("default_payment_method", IdAt("/default_payment_method")),
        ("latest_invoice", IdAt("/latest_invoice")),
        ("schedule", IdAt("/schedule")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};

pub(super) const SUBSCRIPTION_ITEMS: Table = Table {
    name: Name("app.subscription_items"),
    kind: Kind::Subscription,
    id: "stripe_subscription_item_id",
    columns: &[
        ("subscription", At("/subscription")),
        ("price", IdAt("/price")),
        ("product", IdAt("/price/product")),
        ("quantity", At("/quantity")),
        ("current_period_start", TimeAt("/current_period_start")),
        ("current_period_end", TimeAt("/current_period_end")),
        ("metadata", At("/metadata")),
        ("stripe_created", TimeAt("/created")),
    ],
};

pub(super) const INVOICES: Table = Table {
    name: Name("app.invoices"),
    kind: Kind::Invoice,
    id: "stripe_invoice_id",
    columns: &[
        ("status", At("/status")),
        ("customer", IdAt("/customer")),
        ("subscription", IdAt("/parent/subscription_details/subscription")),
        // The simulator's newest payment is the last one, put there by `with_last_payment`.
        ("payment_intent", IdAt("/last_payment")),
        ("currency", At("/currency")),
        ("amount_due", At("/amount_due")),
        ("amount_paid", At("/amount_paid")),
        ("amount_remaining", At("/amount_remaining")),
        ("subtotal", At("/subtotal")),
        ("total", At("/total")),
        ("attempt_count", At("/attempt_count")),
        ("next_payment_attempt", TimeAt("/next_payment_attempt")),
        ("billing_reason", At("/billing_reason")),
        ("collection_method", At("/collection_method")),
        ("number", At("/number")),
        ("paid_out_of_band", AnyAt("/amount_paid_off_stripe")),
        ("due_date", TimeAt("/due_date")),
        ("period_start", TimeAt("/period_start")),
        ("period_end", TimeAt("/period_end")),
        ("finalized_at", TimeAt("/status_transitions/finalized_at")),
        ("paid_at", TimeAt("/status_transitions/paid_at")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};

pub(super) const PRODUCTS: Table = Table {
    name: Name("app.products"),
    kind: Kind::Product,
    id: "stripe_product_id",
    columns: &[
        ("active", At("/active")),
        ("name", At("/name")),
        ("description", At("/description")),
        ("default_price", IdAt("/default_price")),
        ("unit_label", At("/unit_label")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};

pub(super) const PRICES: Table = Table {
    name: Name("app.prices"),
    kind: Kind::Price,
    id: "stripe_price_id",
    columns: &[
        ("active", At("/active")),
        ("product", IdAt("/product")),
        ("currency", At("/currency")),
        ("unit_amount", At("/unit_amount")),
        ("unit_amount_decimal", At("/unit_amount_decimal")),
        ("billing_scheme", At("/billing_scheme")),
        ("recurring_interval", At("/recurring/interval")),
        ("recurring_interval_count", At("/recurring/interval_count")),
        ("recurring_usage_type", At("/recurring/usage_type")),
        ("nickname", At("/nickname")),
        ("lookup_key", At("/lookup_key")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};

pub(super) const SUBSCRIPTION_SCHEDULES: Table = Table {
    name: Name("app.subscription_schedules"),
    kind: Kind::SubscriptionSchedule,
    id: "stripe_subscription_schedule_id",
    columns: &[
        ("status", At("/status")),
        ("customer", IdAt("/customer")),
        ("subscription", IdAt("/subscription")),
        ("released_subscription", IdAt("/released_subscription")),
        ("end_behavior", At("/end_behavior")),
        ("current_phase_start", TimeAt("/current_phase/start_date")),
        ("current_phase_end", TimeAt("/current_phase/end_date")),
        ("canceled_at", TimeAt("/canceled_at")),
        ("completed_at", TimeAt("/completed_at")),
        ("released_at", TimeAt("/released_at")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};

/// Adds to each invoice the payment that was tried last, which at the end is the one that paid.
pub(in crate::dev) fn with_last_payment(invoices: &mut [Value]) {
    for invoice in invoices {
        let payments = invoice.pointer("/payments/data").and_then(Value::as_array);
        let last = payments.and_then(|all| all.last()?.pointer("/payment/payment_intent").cloned());
        if let Some(object) = invoice.as_object_mut() {
            object.insert("last_payment".to_owned(), last.unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{children, compare};
    use super::*;

    fn product() -> Value {
        json!({"id": "prod_1", "active": true, "name": "Gold", "description": null,
               "default_price": null, "unit_label": null, "metadata": {}, "livemode": false,
               "created": 1_700_000_000})
    }

    fn row() -> Value {
        json!({"stripe_product_id": "prod_1", "active": true, "name": "Gold", "description": null,
               "default_price": null, "unit_label": null, "metadata": {}, "livemode": false,
               "stripe_created": "2023-11-14T22:13:20+00:00", "deleted": false})
    }

    #[test]
    fn the_row_of_a_deleted_object_is_no_difference_and_a_living_one_marked_so_is() {
        let mut tombstone = row();
        tombstone["deleted"] = json!(true);
        assert_eq!(compare(&PRODUCTS, &[product()], &[row()]), []);
        assert_eq!(compare(&PRODUCTS, &[], std::slice::from_ref(&tombstone)), []);
        let found = compare(&PRODUCTS, &[product()], &[tombstone]);
        assert_eq!((&*found[0].what, &*found[0].found), ("deleted", "true"));
        let found = compare(&PRODUCTS, &[], &[row()]);
        assert_eq!((&*found[0].what, &*found[0].found), ("row", "present"));
    }

    #[test]
    fn a_stale_item_and_a_lost_one_are_found() {
        let parents = [
            json!({"items": {"data": [{"id": "si_1"}, {"id": "si_2"}]}}),
            json!({"items": {"data": []}}),
        ];
        let truth = children(&parents, "/items/data");
        assert_eq!(truth.len(), 2);
        let rows = [json!({"stripe_subscription_item_id": "si_9"})];
        let found = compare(&SUBSCRIPTION_ITEMS, &truth, &rows);
        let ids: Vec<_> = found.iter().map(|d| (d.id.as_str(), d.found.as_str())).collect();
        assert_eq!(ids, [("si_1", "missing"), ("si_2", "missing"), ("si_9", "present")]);
    }

    #[test]
    fn the_last_payment_of_an_invoice_is_the_one_that_counts() {
        let payment = |id: &str| json!({"payment": {"payment_intent": id}});
        let mut invoices = [
            json!({"payments": {"data": [payment("pi_1"), payment("pi_2")]}}),
            json!({"payments": {"data": []}}),
        ];
        with_last_payment(&mut invoices);
        assert_eq!(invoices[0]["last_payment"], "pi_2");
        assert_eq!(invoices[1]["last_payment"], json!(null));
    }
}
