//! Subscriptions, invoices and the catalogue: every field reaches its column, and every status is
//! one that its table takes.

use quittance::domain::kinds::{
    catalogue, invoice, price, product, subscription, subscription_schedule,
};
use quittance::domain::object::{Kind, Observed, Recorded, Row};
use quittance::domain::transition::RecordedStatus;
use serde_json::json;

use super::given::*;
use super::round_trip::written;
use crate::harness::TestDatabase;

pub(super) fn item(id: &str, price: &str) -> subscription::SubscriptionItem {
    subscription::SubscriptionItem {
        id: oid(id),
        price: subscription::SubscriptionItemPrice { id: oid(price), product: oid("prod_1") },
        quantity: Some(2),
        current_period_start: 1_700_000_000,
        current_period_end: 1_700_000_060,
        metadata: vec![("seat".into(), "7".into())],
        created: 1_700_000_030,
    }
}

pub(super) fn subscription(
    status: subscription::SubscriptionStatus,
    items: Vec<subscription::SubscriptionItem>,
) -> Observed {
    Observed::Subscription(Box::new(subscription::SubscriptionObserved {
        status: status.into(),
        customer: "cus_1".into(),
        currency: eur(),
        collection_method: "charge_automatically".into(),
        trial_start: None,
        trial_end: None,
        cancel_at_period_end: false,
        cancel_at: None,
        canceled_at: None,
        ended_at: None,
        pause: None,
        default_payment_method: None,
        latest_invoice: None,
        schedule: None,
        items,
        metadata: vec![],
        created: 1_700_000_020,
    }))
}

fn invoice(status: invoice::InvoiceStatus) -> Observed {
    Observed::Invoice(Box::new(invoice::InvoiceObserved {
        status: Some(status.into()),
        customer: None,
        subscription: None,
        payment_intent: None,
        currency: eur(),
        amount_due: 0,
        amount_paid: 0,
        amount_remaining: 0,
        subtotal: 0,
        total: 0,
        attempt_count: 0,
        next_payment_attempt: None,
        billing_reason: None,
        collection_method: "send_invoice".into(),
        number: None,
        paid_out_of_band: false,
        due_date: None,
        period_start: 1,
        period_end: 2,
        status_transitions: invoice::StatusTransitions::default(),
        metadata: vec![],
        created: 1_700_000_020,
    }))
}

fn product(status: catalogue::CatalogueStatus) -> Observed {
    Observed::Product(Box::new(product::ProductObserved {
        status,
        name: Some("Gold".into()),
        description: None,
        default_price: None,
        unit_label: None,
        metadata: vec![],
        created: 1_700_000_020,
    }))
}

fn price(status: catalogue::CatalogueStatus) -> Observed {
    Observed::Price(Box::new(price::PriceObserved {
        status,
        product: oid("prod_1"),
        currency: eur(),
        unit_amount: None,
        unit_amount_decimal: None,
        billing_scheme: "per_unit".into(),
        recurring: None,
        nickname: None,
        lookup_key: None,
        metadata: vec![],
        created: 1_700_000_020,
    }))
}

fn schedule(status: subscription_schedule::ScheduleStatus) -> Observed {
    Observed::SubscriptionSchedule(Box::new(subscription_schedule::ScheduleObserved {
        status: status.into(),
        customer: "cus_1".into(),
        subscription: None,
        released_subscription: None,
        end_behavior: "release".into(),
        current_phase: None,
        canceled_at: None,
        completed_at: None,
        released_at: None,
        metadata: vec![],
        created: 1_700_000_020,
    }))
}

fn row(recorded: Recorded) -> Row {
    Row {
        version: 2,
        observed_at: 1_700_000_100,
        seen_by: 1_700_000_101,
        deleted: false,
        recorded: Some(recorded),
    }
}

#[tokio::test]
async fn every_field_of_a_subscription_and_its_items_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let status = subscription::SubscriptionStatus::PastDue;
    let mut full = subscription(status, vec![item("si_1", "price_1")]);
    if let Observed::Subscription(o) = &mut full {
        o.trial_start = Some(1_700_000_001);
        o.trial_end = Some(1_700_000_002);
        o.cancel_at_period_end = true;
        o.cancel_at = Some(1_700_000_003);
        o.canceled_at = Some(1_700_000_004);
        o.ended_at = Some(1_700_000_005);
        o.pause = Some(subscription::SubscriptionPause {
            behavior: Some("void".into()),
            resumes_at: Some(1_700_000_006),
        });
        o.default_payment_method = Some("pm_1".into());
        o.latest_invoice = Some(oid("in_1"));
        o.schedule = Some(oid("sub_sched_1"));
        o.metadata = vec![("order_id".into(), "42".into())];
    }
    let blank = subscription(subscription::SubscriptionStatus::Active, vec![]);
    let (json, found) = written(&db, Kind::Subscription, "app.subscriptions", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_subscription_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "status": "past_due", "customer": "cus_1", "currency": "eur",
            "collection_method": "charge_automatically",
            "current_period_start": "2023-11-14T22:13:20+00:00",
            "current_period_end": "2023-11-14T22:14:20+00:00",
            "trial_start": "2023-11-14T22:13:21+00:00", "trial_end": "2023-11-14T22:13:22+00:00",
            "cancel_at_period_end": true, "cancel_at": "2023-11-14T22:13:23+00:00",
            "canceled_at": "2023-11-14T22:13:24+00:00", "ended_at": "2023-11-14T22:13:25+00:00",
            "pause_collection": "void", "pause_resumes_at": "2023-11-14T22:13:26+00:00",
            "default_payment_method": "pm_1", "latest_invoice": "in_1", "schedule": "sub_sched_1",
            "metadata": {"order_id": "42"},
            "stripe_created": "2023-11-14T22:13:40+00:00", "deleted": false, "version": 2,
            "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    assert_eq!(found, row(Recorded::Subscription(RecordedStatus { status: status.into() })));

    let mut child = db.json("app.subscription_items", "true").await;
    for unknowable in ["id", "created_at", "updated_at"] {
        assert!(child.as_object_mut().unwrap().remove(unknowable).unwrap().is_string());
    }
    assert_eq!(
        child,
        json!({
            "stripe_subscription_item_id": "si_1", "subscription": "obj_1",
            "stripe_account": "acct_1", "livemode": true, "price": "price_1", "product": "prod_1",
            "quantity": 2, "current_period_start": "2023-11-14T22:13:20+00:00",
            "current_period_end": "2023-11-14T22:14:20+00:00", "metadata": {"seat": "7"},
            "stripe_created": "2023-11-14T22:13:50+00:00", "version": 2,
            "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
}

#[tokio::test]
async fn every_field_of_an_invoice_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let status = invoice::InvoiceStatus::Uncollectible;
    let full = Observed::Invoice(Box::new(invoice::InvoiceObserved {
        status: Some(status.into()),
        customer: Some("cus_1".into()),
        subscription: Some(oid("sub_1")),
        payment_intent: Some(oid("pi_1")),
        currency: eur(),
        amount_due: 1,
        amount_paid: 2,
        amount_remaining: 3,
        subtotal: 4,
        total: 5,
        attempt_count: 6,
        next_payment_attempt: Some(1_700_000_001),
        billing_reason: Some("subscription_cycle".into()),
        collection_method: "charge_automatically".into(),
        number: Some("A-0001".into()),
        paid_out_of_band: true,
        due_date: Some(1_700_000_002),
        period_start: 1_700_000_003,
        period_end: 1_700_000_004,
        status_transitions: invoice::StatusTransitions {
            finalized_at: Some(1_700_000_005),
            paid_at: Some(1_700_000_006),
        },
        metadata: vec![("order_id".into(), "42".into())],
        created: 1_700_000_020,
    }));
    let blank = invoice(invoice::InvoiceStatus::Draft);
    let (json, found) = written(&db, Kind::Invoice, "app.invoices", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_invoice_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "status": "uncollectible", "customer": "cus_1", "subscription": "sub_1",
            "payment_intent": "pi_1", "currency": "eur", "amount_due": 1, "amount_paid": 2,
            "amount_remaining": 3, "subtotal": 4, "total": 5, "attempt_count": 6,
            "next_payment_attempt": "2023-11-14T22:13:21+00:00",
            "billing_reason": "subscription_cycle", "collection_method": "charge_automatically",
            "number": "A-0001", "paid_out_of_band": true, "due_date": "2023-11-14T22:13:22+00:00",
            "period_start": "2023-11-14T22:13:23+00:00", "period_end": "2023-11-14T22:13:24+00:00",
            "finalized_at": "2023-11-14T22:13:25+00:00", "paid_at": "2023-11-14T22:13:26+00:00",
            "metadata": {"order_id": "42"},
            "stripe_created": "2023-11-14T22:13:40+00:00", "deleted": false, "version": 2,
            "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    assert_eq!(found, row(Recorded::Invoice(RecordedStatus { status: status.into() })));
}

#[tokio::test]
async fn every_field_of_a_product_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let status = catalogue::CatalogueStatus::Inactive;
    let full = Observed::Product(Box::new(product::ProductObserved {
        status,
        name: Some("Platinum".into()),
        description: Some("Ünïcode 💶".into()),
        default_price: Some(oid("price_1")),
        unit_label: Some("seat".into()),
        metadata: vec![("sku".into(), "42".into())],
        created: 1_700_000_020,
    }));
    let blank = product(catalogue::CatalogueStatus::Active);
    let (json, found) = written(&db, Kind::Product, "app.products", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_product_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "active": false, "name": "Platinum", "description": "Ünïcode 💶",
            "default_price": "price_1", "unit_label": "seat", "metadata": {"sku": "42"},
            "stripe_created": "2023-11-14T22:13:40+00:00", "deleted": false, "version": 2,
            "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    assert_eq!(found, row(Recorded::Product(RecordedStatus { status: status.into() })));
}

#[tokio::test]
async fn every_field_of_a_price_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let status = catalogue::CatalogueStatus::Inactive;
    let full = Observed::Price(Box::new(price::PriceObserved {
        status,
        product: oid("gold-plan.v2"),
        currency: eur(),
        unit_amount: Some(900),
        unit_amount_decimal: Some("900.5".into()),
        billing_scheme: "tiered".into(),
        recurring: Some(price::Recurring {
            interval: Some("month".into()),
            interval_count: Some(3),
            usage_type: Some("metered".into()),
        }),
        nickname: Some("Gold, quarterly".into()),
        lookup_key: Some("gold".into()),
        metadata: vec![("sku".into(), "42".into())],
        created: 1_700_000_020,
    }));
    let blank = price(catalogue::CatalogueStatus::Active);
    let (json, found) = written(&db, Kind::Price, "app.prices", blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_price_id": "obj_1", "stripe_account": "acct_1", "livemode": true,
            "active": false, "product": "gold-plan.v2", "currency": "eur", "unit_amount": 900,
            "unit_amount_decimal": "900.5", "billing_scheme": "tiered",
            "recurring_interval": "month", "recurring_interval_count": 3,
            "recurring_usage_type": "metered", "nickname": "Gold, quarterly",
            "lookup_key": "gold", "metadata": {"sku": "42"},
            "stripe_created": "2023-11-14T22:13:40+00:00", "deleted": false, "version": 2,
            "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    assert_eq!(found, row(Recorded::Price(RecordedStatus { status: status.into() })));
}

#[tokio::test]
async fn every_field_of_a_subscription_schedule_reaches_its_column() {
    let db = TestDatabase::migrated().await;
    let status = subscription_schedule::ScheduleStatus::Released;
    let full = Observed::SubscriptionSchedule(Box::new(subscription_schedule::ScheduleObserved {
        status: status.into(),
        customer: "cus_9".into(),
        subscription: Some(oid("sub_1")),
        released_subscription: Some(oid("sub_2")),
        end_behavior: "cancel".into(),
        current_phase: Some(subscription_schedule::SchedulePhase {
            start_date: Some(1_700_000_001),
            end_date: Some(1_700_000_002),
        }),
        canceled_at: Some(1_700_000_003),
        completed_at: Some(1_700_000_004),
        released_at: Some(1_700_000_005),
        metadata: vec![("order_id".into(), "42".into())],
        created: 1_700_000_020,
    }));
    let blank = schedule(subscription_schedule::ScheduleStatus::NotStarted);
    let table = "app.subscription_schedules";
    let (json, found) = written(&db, Kind::SubscriptionSchedule, table, blank, full).await;
    assert_eq!(
        json,
        json!({
            "stripe_subscription_schedule_id": "obj_1", "stripe_account": "acct_1",
            "livemode": true, "status": "released", "customer": "cus_9", "subscription": "sub_1",
            "released_subscription": "sub_2", "end_behavior": "cancel",
            "current_phase_start": "2023-11-14T22:13:21+00:00",
            "current_phase_end": "2023-11-14T22:13:22+00:00",
            "canceled_at": "2023-11-14T22:13:23+00:00",
            "completed_at": "2023-11-14T22:13:24+00:00",
            "released_at": "2023-11-14T22:13:25+00:00", "metadata": {"order_id": "42"},
            "stripe_created": "2023-11-14T22:13:40+00:00", "deleted": false, "version": 2,
            "observed_at": "2023-11-14T22:15:00+00:00",
        })
    );
    let recorded = RecordedStatus { status: status.into() };
    assert_eq!(found, row(Recorded::SubscriptionSchedule(recorded)));
}

#[tokio::test]
async fn every_status_of_billing_is_accepted_by_its_table() {
    let db = TestDatabase::migrated().await;
    for (n, &status) in subscription::SubscriptionStatus::ALL.iter().enumerate() {
        observe(&db.store, &format!("sub_{n}"), 100, subscription(status, vec![])).await;
    }
    for (n, &status) in invoice::InvoiceStatus::ALL.iter().enumerate() {
        observe(&db.store, &format!("in_{n}"), 100, invoice(status)).await;
    }
    for (n, &status) in catalogue::CatalogueStatus::ALL.iter().enumerate() {
        observe(&db.store, &format!("prod_{n}"), 100, product(status)).await;
        observe(&db.store, &format!("price_{n}"), 100, price(status)).await;
    }
    for (n, &status) in subscription_schedule::ScheduleStatus::ALL.iter().enumerate() {
        observe(&db.store, &format!("sub_sched_{n}"), 100, schedule(status)).await;
    }
}

#[tokio::test]
async fn a_deleted_draft_and_a_deleted_product_leave_tombstones_for_good() {
    let db = TestDatabase::migrated().await;
    for (kind, id, alive, table) in [
        (Kind::Invoice, "in_1", invoice(invoice::InvoiceStatus::Draft), "app.invoices"),
        (Kind::Product, "prod_1", product(catalogue::CatalogueStatus::Active), "app.products"),
        (Kind::Price, "price_1", price(catalogue::CatalogueStatus::Active), "app.prices"),
    ] {
        observe(&db.store, id, 100, alive.clone()).await;
        let gone = tombstone(kind, id, 1, 101);
        let applied = apply(&db.store, settlement(gone, vec![])).await;
        assert_eq!(applied, quittance::store::Applied::Done);
        let late = change(id, 2, 102, None, alive);
        let applied = apply(&db.store, settlement(late, vec![])).await;
        assert_eq!(applied, quittance::store::Applied::Conflict);
        assert_eq!(db.json(table, "true").await["deleted"], true, "{table}");
    }
}

#[tokio::test]
async fn the_same_product_id_in_two_accounts_and_modes_never_mixes() {
    use quittance::domain::id::{AccountId, Mode, Scope};
    let db = TestDatabase::migrated().await;
    let connected = || Some(AccountId::parse("acct_1").unwrap());
    let scopes = [
        Scope { account: None, mode: Mode::Test },
        Scope { account: None, mode: Mode::Live },
        Scope { account: connected(), mode: Mode::Test },
    ];
    for (n, scope) in scopes.iter().enumerate() {
        let mut observed = product(catalogue::CatalogueStatus::Active);
        if let Observed::Product(o) = &mut observed {
            o.name = Some(format!("name {n}"));
        }
        let mut change = first("gold-plan", 100, observed);
        change.subject.scope = scope.clone();
        let applied = apply(&db.store, settlement(change, vec![])).await;
        assert_eq!(applied, quittance::store::Applied::Done);
    }
    for (n, scope) in scopes.iter().enumerate() {
        let account = scope.account.as_ref().map_or("", |account| account.as_str());
        let condition =
            format!("stripe_account = '{account}' AND livemode = {}", scope.mode.is_live());
        assert_eq!(db.json("app.products", &condition).await["name"], format!("name {n}"));
    }
}
