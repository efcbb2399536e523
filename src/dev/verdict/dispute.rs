//! `app.disputes` against Stripe's disputes.

use super::Expect::{At, IdAt, TimeAt};
use super::Table;
use stripe_simulator::Kind;

pub(super) const DISPUTES: Table = Table {
    name: crate::store::Table("app.disputes"),
    kind: Kind::Dispute,
    id: "stripe_dispute_id",
    columns: &[
        ("amount", At("/amount")),
        ("currency", At("/currency")),
        ("status", At("/status")),
        ("reason", At("/reason")),
        ("charge", IdAt("/charge")),
        ("payment_intent", IdAt("/payment_intent")),
        ("evidence_due_by", TimeAt("/evidence_details/due_by")),
        ("evidence_past_due", At("/evidence_details/past_due")),
        ("has_evidence", At("/evidence_details/has_evidence")),
        ("submission_count", At("/evidence_details/submission_count")),
        ("is_charge_refundable", At("/is_charge_refundable")),
        ("metadata", At("/metadata")),
        ("livemode", At("/livemode")),
        ("stripe_created", TimeAt("/created")),
    ],
};
