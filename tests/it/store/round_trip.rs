//! Every field of an observation reaches its column.

use quittance::domain::failure_reason::FailureReason;
use quittance::domain::id::{AccountId, Mode, Scope};
use quittance::domain::kinds::charge;
use quittance::domain::kinds::payment;
use quittance::domain::kinds::refund;
use quittance::domain::object::{Kind, Observed, Recorded, Row, Subject};
use quittance::domain::transition::RecordedStatus;
use quittance::store::{Applied, Change, NewState};
use serde_json::{Value, json};

use super::given::*;
use crate::harness::TestDatabase;

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

/// Writes it twice, so that both the insert and the update are seen, and reads the row back.
pub(super) async fn written(
    db: &TestDatabase,
    kind: Kind,
    table: &str,
    blank: Observed,
    full: Observed,
) -> (Value, Row) {
    let scope = Scope { account: Some(account("acct_1")), mode: Mode::Live };
    let subject = Subject { scope, kind, id: oid("obj_1"), owner: None };
    for (version, at, observed) in [(0, 99, blank), (1, 1_700_000_100, full)] {
        let change = change("obj_1", version, at, None, observed);
        let NewState::Present { observed, transition, .. } = change.state else { unreachable!() };
        let change = Change {
            subject: subject.clone(),
            state: NewState::Present {
                observed,
                transition,
                notifications: vec![],
                raw: kept(json!({"id": "obj_1", "at": at})),
            },
            ..change
        };
        assert_eq!(apply(&db.store, settlement(change, vec![])).await, Applied::Done);
    }
    let row = db.store.load(&[], &[subject]).await.unwrap().rows.remove(0).unwrap();
    assert_eq!(
        db.json("quittance.objects", "true").await["data"],
        json!({"id": "obj_1", "at": 1_700_000_100})
    );
    let mut json = db.json(table, "true").await;
    let fields = json.as_object_mut().unwrap();
    for unknowable in ["id", "created_at", "updated_at"] {
        assert!(fields.remove(unknowable).unwrap().is_string());
    }
    (json, row)
}

#[tokio::test]
async fn every_field_of_a_payment_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let full = Observed::PaymentIntent(Box::new(payment::PaymentObserved {
        status: payment::PaymentStatus::RequiresPaymentMethod.into(),
        amount: 1,
        amount_capturable: 2,
        amount_received: 3,
        currency: eur(),
        customer: Some("cus_1".into()),
        payment_method: Some("pm_1".into()),
        latest_charge: Some(oid("ch_1")),
        capture_method: "manual".into(),
        failure: Some(FailureReason {
            code: Some("card_declined".into()),
            decline_code: Some("insufficient_funds".into()),
            message: Some("Your card has insufficient funds.".into()),
        }),
        cancellation_reason: Some("abandoned".into()),
        canceled_at: Some(1_700_000_010),
        next_action: Some("redirect_to_url".into()),
        transfer_destination: Some(account("acct_2")),
        application_fee_amount: Some(4),
        on_behalf_of: Some(account("acct_3")),
        description: Some("Ünïcode 💶".into()),
        metadata: vec![("order_id".into(), "42".into()), ("x".into(), "y".into())],
        created: 1_700_000_020,
    }));
    let blank = payment(payment::PaymentStatus::Processing);
    let (json, row) = written(&db, Kind::PaymentIntent, "app.payments", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_payment_intent_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "status": "requires_payment_method", "amount": 1, "amount_capturable": 2,
            "amount_received": 3, "amount_captured": 0, "amount_refunded": 0, "currency": "eur",
            "customer": "cus_1", "payment_method": "pm_1", "latest_charge": "ch_1",
            "capture_method": "manual", "failure_code": "card_declined",
            "failure_decline_code": "insufficient_funds",
            "failure_message": "Your card has insufficient funds.",
            "cancellation_reason": "abandoned", "canceled_at": "2023-11-14T22:13:30+00:00",
            "next_action": "redirect_to_url", "transfer_destination": "acct_2",
            "application_fee_amount": 4, "on_behalf_of": "acct_3", "description": "Ünïcode 💶",
            "metadata": {"order_id": "42", "x": "y"},
            "stripe_created": "2023-11-14T22:13:40+00:00", "deleted": false, "version": 2,
            "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    let status = payment::PaymentStatus::RequiresPaymentMethod;
    let recorded = Some(Recorded::PaymentIntent(RecordedStatus { status: status.into() }));
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
async fn every_field_of_a_charge_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let full = Observed::Charge(Box::new(charge::ChargeObserved {
        status: charge::ChargeStatus::Failed.into(),
        amount: 1,
        amount_captured: 2,
        amount_refunded: 3,
        currency: eur(),
        captured: false,
        refunded: true,
        disputed: true,
        payment_intent: Some(oid("pi_9")),
        customer: Some("cus_1".into()),
        payment_method: Some("pm_1".into()),
        failure_code: Some("card_declined".into()),
        failure_message: Some("Your card was declined.".into()),
        outcome: Some(charge::ChargeOutcome {
            kind: Some("issuer_declined".into()),
            reason: Some("lost_card".into()),
        }),
        transfer_destination: Some(account("acct_2")),
        application_fee_amount: Some(4),
        balance_transaction: Some("txn_1".into()),
        metadata: vec![("order_id".into(), "42".into())],
        created: 1_700_000_020,
    }));
    let blank = charge("pi_1", 0, 0);
    let (json, row) = written(&db, Kind::Charge, "app.charges", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_charge_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "status": "failed", "amount": 1, "amount_captured": 2, "amount_refunded": 3,
            "amount_returned": 3, "currency": "eur", "captured": false, "refunded": true, "disputed": true,
            "payment_intent": "pi_9", "customer": "cus_1", "payment_method": "pm_1",
            "failure_code": "card_declined", "failure_decline_code": "lost_card",
            "failure_message": "Your card was declined.", "outcome": "issuer_declined",
            "transfer_destination": "acct_2", "application_fee_amount": 4,
            "balance_transaction": "txn_1", "metadata": {"order_id": "42"},
            "stripe_created": "2023-11-14T22:13:40+00:00", "deleted": false, "version": 2,
            "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    let status = charge::ChargeStatus::Failed;
    let recorded =
        Some(Recorded::Charge(charge::ChargeRecorded { status: status.into(), returned: 3 }));
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
async fn every_field_of_a_refund_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let full = Observed::Refund(Box::new(refund::RefundObserved {
        status: refund::RefundStatus::Failed.into(),
        amount: 1,
        currency: eur(),
        charge: Some(oid("ch_9")),
        payment_intent: Some(oid("pi_9")),
        reason: Some("fraudulent".into()),
        failure_reason: Some("expired_or_canceled_card".into()),
        balance_transaction: Some("txn_9".into()),
        metadata: vec![("order_id".into(), "42".into())],
        created: 1_700_000_020,
    }));
    let blank = refund(refund::RefundStatus::Pending);
    let (json, row) = written(&db, Kind::Refund, "app.refunds", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_refund_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "status": "failed", "amount": 1, "currency": "eur", "charge": "ch_9",
            "payment_intent": "pi_9", "reason": "fraudulent",
            "failure_reason": "expired_or_canceled_card", "balance_transaction": "txn_9",
            "metadata": {"order_id": "42"},
            "stripe_created": "2023-11-14T22:13:40+00:00", "deleted": false, "version": 2,
            "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    let recorded =
        Some(Recorded::Refund(RecordedStatus { status: refund::RefundStatus::Failed.into() }));
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
async fn every_status_of_the_state_machines_is_accepted_by_its_table() {
    let db = TestDatabase::migrated().await;
    for (n, &status) in payment::PaymentStatus::ALL.iter().enumerate() {
        observe(&db.store, &format!("pi_{n}"), 100, payment(status)).await;
    }
    for (n, &status) in refund::RefundStatus::ALL.iter().enumerate() {
        observe(&db.store, &format!("re_{n}"), 100, refund(status)).await;
    }
    for (n, &status) in charge::ChargeStatus::ALL.iter().enumerate() {
        let mut observed = charge("pi_1", 0, 0);
        if let Observed::Charge(o) = &mut observed {
            o.status = status.into();
        }
        observe(&db.store, &format!("ch_{n}"), 100, observed).await;
    }
}

#[tokio::test]
async fn the_ledger_the_attempt_and_the_transition_say_all_that_was_handed_over() {
    let db = TestDatabase::migrated().await;
    let mut settled = attempt_failed("evt_1");
    settled.event.scope = Scope { account: Some(account("acct_1")), mode: Mode::Live };
    settled.receipt.secret_index = Some(1);
    settled.attempt.number = 3;
    settled.attempt.trace_id = Some("trace".into());
    let mut change = first("pi_1", 1_700_000_100, payment(payment::PaymentStatus::Succeeded));
    change.cause = Some(eid("evt_1"));
    apply(&db.store, settlement(change, vec![settled])).await;

    let mut ledger = db.json("quittance.events", "true").await;
    assert!(ledger.as_object_mut().unwrap().remove("settled_at").unwrap().is_string());
    assert_eq!(
        ledger,
        json!({
            "id": "evt_1", "type": "payment_intent.payment_failed",
            "api_version": "2025-06-30.basil", "account": "acct_1", "livemode": true,
            "stripe_created": "2023-11-14T22:13:20+00:00", "endpoint": "default",
            "received_at": "2023-11-14T22:13:20.456+00:00", "secret_index": 1, "source": "webhook",
            "object_kind": "payment_intent", "object_id": "pi_1", "status": "settled",
            "outcome": "covered", "attempts": 3,
        })
    );
    assert_eq!(
        db.json("quittance.attempts", "true").await,
        json!({
            "id": 1, "event_id": "evt_1", "number": 3,
            "started_at": "2023-11-14T22:13:20.123+00:00", "duration_ms": 7, "worker": "worker-1",
            "outcome": "covered", "class": null, "code": null, "chain": null,
            "request_id": "req_1", "trace_id": "trace",
            // The ledger has what it is about.
            "event_type": null, "account": null, "livemode": null, "object_kind": null,
            "object_id": null,
        })
    );
    let mut transition = db.json("app.transitions", "true").await;
    assert!(transition.as_object_mut().unwrap().remove("at").unwrap().is_string());
    assert_eq!(
        transition,
        json!({
            "id": 1, "object_kind": "payment_intent", "object_id": "pi_1", "stripe_account": "",
            "livemode": false, "from_status": null, "to_status": "succeeded", "kind": "opened",
            "because_of": "evt_1", "version": 1, "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    let told = db.json("quittance.outbox", "sort = 'state'").await;
    assert_eq!(
        (told["topic"].as_str(), told["cause"].as_str()),
        (Some("payment.succeeded"), Some("evt_1"))
    );
    assert_eq!(
        told["payload"],
        json!({
            "v": 1, "occurred": 1_700_000_100, "version": 1,
            "before": null, "after": {"status": "succeeded"},
            "data": {"amount": 1000, "amount_received": 0, "currency": "eur", "metadata": {}},
        })
    );
    let told = db.json("quittance.outbox", "sort = 'occurrence'").await;
    assert_eq!(told["account"], "acct_1");
    assert_eq!(
        told["payload"],
        json!({
            "v": 1, "occurred": 1_700_000_000, "version": null, "before": null, "after": null,
            "data": {"event_type": "payment_intent.payment_failed"},
        })
    );
}
