//! Events that carry no object which could be fetched, or none at all, or an old picture of one.

use quittance::store::Outcome;
use serde_json::{Value, json};

use super::app::{App, event, thin};

/// The objects themselves have a state machine, and tests of their own.
#[tokio::test]
async fn a_discount_is_looked_up_with_what_it_belongs_to() {
    let app = App::start().await;
    for (kind, id, path) in [
        ("customer", "cus_1", "/v1/customers/cus_1"),
        ("subscription", "sub_1", "/v1/subscriptions/sub_1"),
    ] {
        let mut discount = json!({"object": "discount", "id": "di_1", "customer": "cus_1"});
        discount[kind] = json!(id);
        for event_type in ["created", "updated", "deleted"] {
            let event = event(&format!("customer.discount.{event_type}"), &discount);
            assert!(app.settle(&event).await.is_err(), "this Stripe has no such object");
            assert_eq!(app.stripe.asked(), [path]);
        }
    }
}

#[tokio::test]
async fn an_alert_is_read_when_it_goes_off() {
    let app = App::start().await;
    let alert = json!({"object": "billing.alert", "id": "alrt_1", "livemode": false});
    app.stripe.put("/v1/billing/alerts/alrt_1", alert.clone());
    let triggered =
        json!({"object": "billing.alert_triggered", "alert": alert, "customer": "cus_1"});
    assert_eq!(app.outcome(&event("billing.alert.triggered", &triggered)).await, Outcome::Applied);
    assert_eq!(app.row("billing.alert", "alrt_1").await["data"], alert);
}

#[tokio::test]
async fn what_has_nothing_to_fetch_is_in_the_ledger_and_asks_nothing() {
    let app = App::start().await;
    for (event_type, object) in [
        ("invoice.upcoming", json!({"object": "invoice", "customer": "cus_1"})),
        ("invoice.upcoming", json!({"object": "invoice", "id": "upcoming_in_1"})),
        ("account.updated", json!({"object": "account", "id": "acct_1"})),
        ("account.application.deauthorized", json!({"object": "application", "id": "ca_1"})),
        ("apps.install.created", json!({"object": "apps.install", "id": "x"})),
        ("gizmo.created", json!({"object": "gizmo", "id": "gz_1"})),
        ("customer.source.created", json!({"object": "alipay_account", "id": "aliacc_1"})),
    ] {
        assert_eq!(app.outcome(&event(event_type, &object)).await, Outcome::Ignored, "{object}");
    }
    assert_eq!(app.stripe.asked(), [""; 0]);
    assert_eq!(app.db.count("quittance.events").await, 7);
    assert_eq!(app.db.count("quittance.objects").await, 0);
}

#[tokio::test]
async fn the_one_balance_of_an_account_is_read_whole() {
    let app = App::start().await;
    let balance = |cents: u32| json!({"object": "balance", "available": [{"amount": cents}]});
    for cents in [100, 200] {
        app.stripe.put("/v1/balance", balance(cents));
        app.outcome(&event("balance.available", &balance(0))).await;
    }
    let row = app.row("balance", "balance").await;
    assert_eq!((&row["data"], &row["version"]), (&balance(200), &json!(2)));
}

#[tokio::test]
async fn a_thin_event_is_read_by_its_related_object() {
    let app = App::start().await;
    let meter = json!({"object": "billing.meter", "id": "mtr_1", "livemode": false});
    app.stripe.put("/v1/billing/meters/mtr_1", meter.clone());
    let related = json!({
        "id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1",
    });
    let error_report = thin("v1.billing.meter.error_report_triggered", &related);
    assert_eq!(app.outcome(&error_report).await, Outcome::Applied);
    assert_eq!(app.row("billing.meter", "mtr_1").await["data"], meter);

    let person = json!({"object": "person", "id": "person_1", "account": "acct_1"});
    let path = "/v1/accounts/acct_1/persons/person_1";
    app.stripe.put(path, person.clone());
    let related = json!({"id": "person_1", "type": "person", "url": path});
    assert_eq!(app.outcome(&thin("v1.person.updated", &related)).await, Outcome::Applied);
    assert_eq!(app.row("person", "person_1").await["data"], person);
}

#[tokio::test]
async fn a_thin_event_of_a_kind_that_we_do_not_know_is_in_the_ledger() {
    let app = App::start().await;
    let related =
        json!({"id": "acct_1", "type": "v2.core.account", "url": "/v2/core/accounts/acct_1"});
    for related in [related, Value::Null] {
        let outcome = app.outcome(&thin("v2.core.account.updated", &related)).await;
        assert_eq!(outcome, Outcome::Ignored);
    }
    assert_eq!(app.stripe.asked(), [""; 0]);
    assert_eq!(app.db.count("quittance.events").await, 2);
}

/// The snapshot is rendered in the endpoint's version, which may be any. Here it lies in every
/// field, and lacks most.
#[tokio::test]
async fn an_event_of_another_version_only_points_at_its_object() {
    let app = App::start().await;
    let truth = json!({
        "id": "pi_1", "object": "payment_intent", "amount": 1099, "amount_capturable": 0,
        "amount_received": 1099, "capture_method": "automatic",
        "confirmation_method": "automatic", "created": 1_700_000_000, "currency": "eur",
        "livemode": false, "metadata": {}, "payment_method_types": ["card"], "status": "succeeded",
    });
    app.stripe.put("/v1/payment_intents/pi_1", truth);
    let lie = json!({
        "id": "pi_1", "object": "payment_intent", "amount": 1, "amount_received": {"old": "shape"},
        "currency": "usd", "status": "requires_source", "metadata": {"lie": "1"},
    });
    let mut event = event("payment_intent.succeeded", &lie);
    event["api_version"] = json!("2015-10-16");
    assert_eq!(app.outcome(&event).await, Outcome::Applied);

    let row = app.db.json("app.payments", "true").await;
    assert_eq!((&row["amount"], &row["amount_received"]), (&json!(1099), &json!(1099)));
    assert_eq!((&row["currency"], &row["status"]), (&json!("eur"), &json!("succeeded")));
    assert_eq!(row["metadata"], json!({}));
    assert_eq!(app.db.json("quittance.events", "true").await["api_version"], "2015-10-16");
    let everything = app.db.everything().await;
    assert!(!everything.contains("requires_source") && !everything.contains("usd"));
}
