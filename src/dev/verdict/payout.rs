//! `app.payouts` against Stripe's payouts.

use super::Expect::{At, IdAt, TimeAt};
use super::Table;
use stripe_simulator::Kind;

pub(super) const PAYOUTS: Table = Table {
    name: crate::store::Table("app.payouts"),
    kind: Kind::Payout,
    id: "stripe_payout_id",
    columns: &[
        ("amount", At("/amount")),
        ("currency", At("/currency")),
        ("status", At("/status")),
        ("arrival_date", TimeAt("/arrival_date")),
        ("automatic", At("/automatic")),
        ("method", At("/method")),
        ("destination_type", At("/type")),
        ("destination", IdAt("/destination")),
        ("balance_transaction", IdAt("/balance_transaction")),
        ("failure_code", At("/failure_code")),
        ("failure_message", At("/failure_message")),
        ("statement_descriptor", At("/statement_descriptor")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};
