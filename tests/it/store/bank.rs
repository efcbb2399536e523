//! Disputes and payouts in their tables: every field in its column, every status allowed.

use quittance::domain::kinds::{dispute, payout};
use quittance::domain::object::{Kind, Observed, Recorded, Row};
use quittance::domain::transition::RecordedStatus;
use serde_json::json;

use super::given::*;
use super::round_trip::written;
use crate::harness::TestDatabase;

fn a_dispute(status: dispute::DisputeStatus) -> dispute::DisputeObserved {
    dispute::DisputeObserved {
        status: status.into(),
        amount: 1,
        currency: eur(),
        reason: "general".into(),
        network_reason_code: None,
        charge: None,
        payment_intent: None,
        evidence_details: dispute::EvidenceDetails::default(),
        is_charge_refundable: false,
        metadata: vec![],
        created: 1,
    }
}

fn a_payout(status: payout::PayoutStatus) -> payout::PayoutObserved {
    payout::PayoutObserved {
        status: status.into(),
        amount: 1,
        currency: eur(),
        arrival_date: 1,
        automatic: false,
        method: "instant".into(),
        destination_type: "card".into(),
        destination: None,
        balance_transaction: None,
        failure_code: None,
        failure_message: None,
        statement_descriptor: None,
        metadata: vec![],
        created: 1,
    }
}

#[tokio::test]
async fn every_field_of_a_dispute_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let full = Observed::Dispute(Box::new(dispute::DisputeObserved {
        status: dispute::DisputeStatus::UnderReview.into(),
        amount: 1000,
        reason: "fraudulent".into(),
        network_reason_code: Some("10.4".into()),
        charge: Some(oid("ch_9")),
        payment_intent: Some(oid("pi_9")),
        evidence_details: dispute::EvidenceDetails {
            due_by: Some(1_700_000_010),
            past_due: true,
            has_evidence: true,
            submission_count: 2,
        },
        is_charge_refundable: true,
        metadata: vec![("order_id".into(), "42".into())],
        created: 1_700_000_020,
        ..a_dispute(dispute::DisputeStatus::UnderReview)
    }));
    let blank = Observed::Dispute(Box::new(a_dispute(dispute::DisputeStatus::NeedsResponse)));
    let (json, row) = written(&db, Kind::Dispute, "app.disputes", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_dispute_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "status": "under_review", "amount": 1000, "currency": "eur", "reason": "fraudulent",
            "network_reason_code": "10.4", "charge": "ch_9", "payment_intent": "pi_9",
            "evidence_due_by": "2023-11-14T22:13:30+00:00", "evidence_past_due": true,
            "has_evidence": true, "submission_count": 2, "is_charge_refundable": true,
            "metadata": {"order_id": "42"}, "stripe_created": "2023-11-14T22:13:40+00:00",
            "deleted": false, "version": 2, "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    let status = dispute::DisputeStatus::UnderReview;
    let recorded = Some(Recorded::Dispute(RecordedStatus { status: status.into() }));
    assert_eq!(
        row,
        Row {
            version: 2,
            observed_at: 1_700_000_100,
            seen_by: 1_700_000_101,
            deleted: false,
            recorded
        }
    );
}

#[tokio::test]
async fn every_field_of_a_payout_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let full = Observed::Payout(Box::new(payout::PayoutObserved {
        status: payout::PayoutStatus::Failed.into(),
        amount: -5,
        arrival_date: 1_700_000_010,
        automatic: true,
        method: "standard".into(),
        destination_type: "bank_account".into(),
        destination: Some("ba_1".into()),
        balance_transaction: Some("txn_1".into()),
        failure_code: Some("no_account".into()),
        failure_message: Some("No such account.".into()),
        statement_descriptor: Some("SHOP".into()),
        metadata: vec![("run".into(), "7".into())],
        created: 1_700_000_020,
        ..a_payout(payout::PayoutStatus::Failed)
    }));
    let blank = Observed::Payout(Box::new(a_payout(payout::PayoutStatus::Pending)));
    let (json, row) = written(&db, Kind::Payout, "app.payouts", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_payout_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "status": "failed", "amount": -5, "currency": "eur",
            "arrival_date": "2023-11-14T22:13:30+00:00", "automatic": true, "method": "standard",
            "destination_type": "bank_account", "destination": "ba_1",
            "balance_transaction": "txn_1", "failure_code": "no_account",
            "failure_message": "No such account.", "statement_descriptor": "SHOP",
            "metadata": {"run": "7"}, "stripe_created": "2023-11-14T22:13:40+00:00",
            "deleted": false, "version": 2, "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    let recorded =
        Some(Recorded::Payout(RecordedStatus { status: payout::PayoutStatus::Failed.into() }));
    assert_eq!(
        row,
        Row {
            version: 2,
            observed_at: 1_700_000_100,
            seen_by: 1_700_000_101,
            deleted: false,
            recorded
        }
    );
}

#[tokio::test]
async fn every_status_of_disputes_and_payouts_is_accepted() {
    let db = TestDatabase::migrated().await;
    for (n, &status) in dispute::DisputeStatus::ALL.iter().enumerate() {
        let observed = Observed::Dispute(Box::new(a_dispute(status)));
        observe(&db.store, &format!("dp_{n}"), 100, observed).await;
    }
    for (n, &status) in payout::PayoutStatus::ALL.iter().enumerate() {
        let observed = Observed::Payout(Box::new(a_payout(status)));
        observe(&db.store, &format!("po_{n}"), 100, observed).await;
    }
    assert_eq!(db.count("app.disputes").await, 8);
    assert_eq!(db.count("app.payouts").await, 5);
}
