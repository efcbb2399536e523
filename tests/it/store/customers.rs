//! Customers, their methods, setups and checkouts: every field reaches its column, every status is
//! accepted, and what was deleted stays so.

use quittance::domain::failure_reason::FailureReason;
use quittance::domain::id::AccountId;
use quittance::domain::kinds::{checkout, customer, payment_method, setup};
use quittance::domain::object::{Kind, Observed, Recorded, Row};
use quittance::domain::transition::RecordedStatus;
use quittance::store::Applied;
use serde_json::json;

use super::given::*;
use super::round_trip::written;
use crate::harness::TestDatabase;

fn own(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn blank_customer(status: customer::CustomerStatus) -> Observed {
    Observed::Customer(Box::new(customer::CustomerObserved {
        status,
        balance: None,
        currency: None,
        default_payment_method: None,
        metadata: vec![],
        created: 1_700_000_000,
    }))
}

fn blank_setup(status: setup::SetupStatus) -> Observed {
    Observed::SetupIntent(Box::new(setup::SetupObserved {
        status: status.into(),
        customer: None,
        payment_method: None,
        usage: "on_session".into(),
        failure: None,
        cancellation_reason: None,
        next_action: None,
        mandate: None,
        on_behalf_of: None,
        description: None,
        metadata: vec![],
        created: 1_700_000_000,
    }))
}

fn blank_checkout(
    progress: checkout::CheckoutProgress,
    payment_status: checkout::CheckoutPaymentStatus,
) -> Observed {
    Observed::CheckoutSession(Box::new(checkout::CheckoutObserved {
        progress: Some(progress.into()),
        payment_status: payment_status.into(),
        mode: "payment".into(),
        client_reference_id: None,
        customer: None,
        payment_intent: None,
        setup_intent: None,
        subscription: None,
        invoice: None,
        amount_total: None,
        currency: None,
        expires_at: 1_700_086_400,
        metadata: vec![],
        created: 1_700_000_000,
    }))
}

fn blank_method(customer: Option<&str>) -> Observed {
    Observed::PaymentMethod(Box::new(payment_method::PaymentMethodObserved {
        customer: customer.map(str::to_owned),
        method_type: "link".into(),
        card: None,
        us_bank_account: None,
        sepa_debit: None,
        metadata: vec![],
        created: 1_700_000_000,
    }))
}

#[tokio::test]
async fn every_field_of_a_customer_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let full = Observed::Customer(Box::new(customer::CustomerObserved {
        status: customer::CustomerStatus::Delinquent,
        balance: Some(-500),
        currency: Some(eur()),
        default_payment_method: own("pm_1"),
        metadata: vec![("user_id".into(), "42".into())],
        created: 1_700_000_020,
    }));
    let blank = blank_customer(customer::CustomerStatus::Current);
    let (json, row) = written(&db, Kind::Customer, "app.customers", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_customer_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "delinquent": true, "balance": -500, "currency": "eur",
            "default_payment_method": "pm_1", "metadata": {"user_id": "42"},
            "stripe_created": "2023-11-14T22:13:40+00:00", "deleted": false, "version": 2,
            "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    let status = customer::CustomerStatus::Delinquent;
    let recorded = Some(Recorded::Customer(RecordedStatus { status: status.into() }));
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
async fn every_field_of_a_setup_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let full = Observed::SetupIntent(Box::new(setup::SetupObserved {
        status: setup::SetupStatus::RequiresAction.into(),
        customer: own("cus_1"),
        payment_method: own("pm_1"),
        usage: "off_session".into(),
        failure: Some(FailureReason {
            code: own("card_declined"),
            decline_code: own("insufficient_funds"),
            message: own("No."),
        }),
        cancellation_reason: own("abandoned"),
        next_action: own("redirect_to_url"),
        mandate: own("mandate_1"),
        on_behalf_of: Some(AccountId::parse("acct_2").unwrap()),
        description: own("Ünïcode"),
        metadata: vec![("order_id".into(), "42".into())],
        created: 1_700_000_020,
    }));
    let blank = blank_setup(setup::SetupStatus::Processing);
    let (json, row) = written(&db, Kind::SetupIntent, "app.setup_intents", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_setup_intent_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "status": "requires_action", "customer": "cus_1", "payment_method": "pm_1",
            "usage": "off_session", "failure_code": "card_declined",
            "failure_decline_code": "insufficient_funds", "failure_message": "No.",
            "cancellation_reason": "abandoned", "next_action": "redirect_to_url",
            "mandate": "mandate_1", "on_behalf_of": "acct_2", "description": "Ünïcode",
            "metadata": {"order_id": "42"}, "stripe_created": "2023-11-14T22:13:40+00:00",
            "deleted": false, "version": 2, "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    let status = setup::SetupStatus::RequiresAction;
    let recorded = Some(Recorded::SetupIntent(RecordedStatus { status: status.into() }));
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
async fn every_field_of_a_checkout_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let full = Observed::CheckoutSession(Box::new(checkout::CheckoutObserved {
        progress: Some(checkout::CheckoutProgress::Complete.into()),
        payment_status: checkout::CheckoutPaymentStatus::Unpaid.into(),
        mode: "subscription".into(),
        client_reference_id: own("cart-9"),
        customer: own("cus_1"),
        payment_intent: own("pi_1"),
        setup_intent: own("seti_1"),
        subscription: own("sub_1"),
        invoice: own("in_1"),
        amount_total: Some(1_099),
        currency: Some(eur()),
        expires_at: 1_700_000_010,
        metadata: vec![("order_id".into(), "42".into())],
        created: 1_700_000_020,
    }));
    let blank =
        blank_checkout(checkout::CheckoutProgress::Open, checkout::CheckoutPaymentStatus::Paid);
    let (json, row) =
        written(&db, Kind::CheckoutSession, "app.checkout_sessions", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_checkout_session_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "status": "complete", "payment_status": "unpaid", "mode": "subscription",
            "client_reference_id": "cart-9", "customer": "cus_1", "payment_intent": "pi_1",
            "setup_intent": "seti_1", "subscription": "sub_1", "invoice": "in_1",
            "amount_total": 1099, "currency": "eur", "expires_at": "2023-11-14T22:13:30+00:00",
            "metadata": {"order_id": "42"}, "stripe_created": "2023-11-14T22:13:40+00:00",
            "deleted": false, "version": 2, "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    let status = checkout::CheckoutStatus::CompleteUnpaid;
    let recorded = Some(Recorded::CheckoutSession(RecordedStatus { status: status.into() }));
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
async fn every_field_of_a_method_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let full = Observed::PaymentMethod(Box::new(payment_method::PaymentMethodObserved {
        customer: own("cus_1"),
        method_type: "card".into(),
        card: Some(payment_method::Card {
            brand: own("visa"),
            last4: own("4242"),
            exp_month: Some(8),
            exp_year: Some(2034),
        }),
        us_bank_account: None,
        sepa_debit: None,
        metadata: vec![("wallet".into(), "main".into())],
        created: 1_700_000_020,
    }));
    let blank = blank_method(None);
    let (json, row) = written(&db, Kind::PaymentMethod, "app.payment_methods", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_payment_method_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "status": "attached", "customer": "cus_1", "type": "card", "brand": "visa",
            "last4": "4242", "exp_month": 8, "exp_year": 2034, "metadata": {"wallet": "main"},
            "stripe_created": "2023-11-14T22:13:40+00:00", "deleted": false, "version": 2,
            "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    let status = payment_method::PaymentMethodStatus::Attached;
    let recorded = Some(Recorded::PaymentMethod(RecordedStatus { status: status.into() }));
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
async fn every_status_of_customers_setups_checkouts_and_methods_is_accepted_by_its_table() {
    let db = TestDatabase::migrated().await;
    for &status in customer::CustomerStatus::ALL {
        observe(&db.store, &format!("cus_{status:?}"), 100, blank_customer(status)).await;
    }
    for &status in setup::SetupStatus::ALL {
        observe(&db.store, &format!("seti_{status:?}"), 100, blank_setup(status)).await;
    }
    for &progress in checkout::CheckoutProgress::ALL {
        for &payment in checkout::CheckoutPaymentStatus::ALL {
            let id = format!("cs_{progress:?}_{payment:?}");
            observe(&db.store, &id, 100, blank_checkout(progress, payment)).await;
        }
    }
    for customer in [None, Some("cus_1")] {
        observe(
            &db.store,
            &format!("pm_{customer:?}").replace('"', ""),
            100,
            blank_method(customer),
        )
        .await;
    }
    assert_eq!(db.count("app.checkout_sessions").await, 9);
    assert_eq!(db.count("quittance.objects").await, 2 + 6 + 9 + 2);
}

#[tokio::test]
async fn a_checkout_that_is_paid_later_leaves_a_transition_of_its_own() {
    let db = TestDatabase::migrated().await;
    use checkout::{CheckoutPaymentStatus as P, CheckoutProgress};
    observe(&db.store, "cs_1", 100, blank_checkout(CheckoutProgress::Complete, P::Unpaid)).await;
    observe(&db.store, "cs_1", 200, blank_checkout(CheckoutProgress::Complete, P::Paid)).await;
    let step = db.json("app.transitions", "from_status IS NOT NULL").await;
    assert_eq!(step["from_status"], "complete/unpaid");
    assert_eq!((&step["to_status"], &step["kind"]), (&json!("complete/paid"), &json!("expected")));
    let told =
        db.number("SELECT count(*) FROM quittance.outbox WHERE topic = 'checkout.paid'").await;
    assert_eq!(told, 1);
}

#[tokio::test]
async fn a_deleted_customer_keeps_its_row_and_never_comes_back() {
    let db = TestDatabase::migrated().await;
    observe(&db.store, "cus_1", 100, blank_customer(customer::CustomerStatus::Delinquent)).await;
    let gone = settlement(tombstone(Kind::Customer, "cus_1", 1, 200), vec![]);
    assert_eq!(apply(&db.store, gone).await, Applied::Done);
    let back = change("cus_1", 2, 300, None, blank_customer(customer::CustomerStatus::Current));
    assert_eq!(apply(&db.store, settlement(back, vec![])).await, Applied::Conflict);
    let row = db.json("app.customers", "true").await;
    assert_eq!((&row["deleted"], &row["delinquent"]), (&json!(true), &json!(true)));
}
