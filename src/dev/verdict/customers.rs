//! The tables of customers, their methods, setups and checkouts.

use super::Expect::{At, IdAt, TimeAt};
use super::Table;
use stripe_simulator::Kind;

pub(super) const CUSTOMERS: Table = Table {
    name: crate::store::Table("app.customers"),
    kind: Kind::Customer,
    id: "stripe_customer_id",
    columns: &[
        ("delinquent", At("/delinquent")),
        ("balance", At("/balance")),
        ("currency", At("/currency")),
        ("default_payment_method", IdAt("/invoice_settings/default_payment_method")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};

pub(super) const SETUP_INTENTS: Table = Table {
    name: crate::store::Table("app.setup_intents"),
    kind: Kind::SetupIntent,
    id: "stripe_setup_intent_id",
    columns: &[
        ("status", At("/status")),
        ("customer", IdAt("/customer")),
        ("payment_method", IdAt("/payment_method")),
        ("usage", At("/usage")),
        ("failure_code", At("/last_setup_error/code")),
        ("failure_decline_code", At("/last_setup_error/decline_code")),
        ("failure_message", At("/last_setup_error/message")),
        ("cancellation_reason", At("/cancellation_reason")),
        ("next_action", At("/next_action/type")),
        ("mandate", IdAt("/mandate")),
        ("on_behalf_of", IdAt("/on_behalf_of")),
        ("description", At("/description")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};

pub(super) const CHECKOUT_SESSIONS: Table = Table {
    name: crate::store::Table("app.checkout_sessions"),
    kind: Kind::CheckoutSession,
    id: "stripe_checkout_session_id",
    columns: &[
        ("status", At("/status")),
        ("payment_status", At("/payment_status")),
        ("mode", At("/mode")),
        ("client_reference_id", At("/client_reference_id")),
        ("customer", IdAt("/customer")),
        ("payment_intent", IdAt("/payment_intent")),
        ("setup_intent", IdAt("/setup_intent")),
        ("subscription", IdAt("/subscription")),
        ("invoice", IdAt("/invoice")),
        ("amount_total", At("/amount_total")),
        ("currency", At("/currency")),
        ("expires_at", TimeAt("/expires_at")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};

/// `status` is not compared: Stripe has none, and the table itself ties it to `customer`.
pub(super) const PAYMENT_METHODS: Table = Table {
    name: crate::store::Table("app.payment_methods"),
    kind: Kind::PaymentMethod,
    id: "stripe_payment_method_id",
    columns: &[
        ("customer", IdAt("/customer")),
        ("type", At("/type")),
        ("brand", At("/card/brand")),
        ("last4", At("/card/last4")),
        ("exp_month", At("/card/exp_month")),
        ("exp_year", At("/card/exp_year")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};
