//! The hard places of billing, one by one, and what is told of them.

use quittance::reconcile::Settled;
use quittance::store::Outcome;
use serde_json::{Value, json};
use stripe_simulator::{NewCustomer, NewSubscription};

use super::reconciler::App;

const GOOD: &str = "pm_card_visa";
const BAD: &str = "pm_card_chargeDeclined";
const ASKING: &str = "pm_card_authenticationRequired";

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}

fn price(app: &App, amount: i64) -> String {
    let product = app.stripe().create_product(None, "Gold").unwrap();
    id(&app.stripe().create_price(&id(&product), amount, "eur").unwrap())
}

fn subscribe(app: &App, prices: usize, trial_days: Option<i64>, card: &str) -> String {
    subscribe_for("cus_1", app, prices, trial_days, card)
}

fn subscribe_for(
    customer: &str,
    app: &App,
    prices: usize,
    trial_days: Option<i64>,
    card: &str,
) -> String {
    let prices = (0..prices).map(|_| (price(app, 900), 1)).collect();
    let new = NewSubscription {
        customer: customer.into(),
        prices,
        card: card.into(),
        trial_days,
        ..NewSubscription::default()
    };
    id(&app.stripe().subscribe(new).unwrap())
}

async fn status(app: &App, subscription: &str) -> Value {
    let condition = format!("stripe_subscription_id = '{subscription}'");
    app.value("app.subscriptions", "status", &condition).await
}

async fn invoice(app: &App, column: &str, id: &str) -> Value {
    app.value("app.invoices", column, &format!("stripe_invoice_id = '{id}'")).await
}

#[tokio::test]
async fn a_failing_renewal_is_told_and_so_is_its_recovery() {
    let mut app = App::open().await;
    let subscription = subscribe(&app, 1, None, GOOD);
    app.catch_up().await;
    let renewed = app.stripe().renew(&subscription, BAD).unwrap();
    app.catch_up().await;
    assert_eq!(status(&app, &subscription).await, "past_due");
    let owed = renewed["latest_invoice"].as_str().unwrap();
    assert_eq!(invoice(&app, "status", owed).await, "open");
    assert_eq!(invoice(&app, "subscription", owed).await, *subscription);
    let failed = invoice(&app, "payment_intent", owed).await;

    app.stripe().retry_renewal(&subscription, GOOD).unwrap();
    app.catch_up().await;
    assert_eq!(status(&app, &subscription).await, "active");
    assert_ne!(invoice(&app, "payment_intent", owed).await, failed, "the one that paid");
    let topics = ["subscription.activated", "subscription.past_due", "subscription.activated"];
    assert_eq!(app.told(&subscription).await, topics);
    let topics = ["invoice.finalized", "invoice.payment_failed", "invoice.paid"];
    assert_eq!(app.told(owed).await, topics);
}

#[tokio::test]
async fn a_customer_who_is_deleted_takes_live_subscriptions_along() {
    for backwards in [false, true] {
        let mut app = App::open().await;
        let customer = id(&app.stripe().create_customer(NewCustomer::default()));
        let subscriptions =
            [None, Some(14)].map(|trial_days| subscribe_for(&customer, &app, 1, trial_days, GOOD));
        let other = subscribe(&app, 1, None, GOOD);
        app.catch_up().await;
        let before = app.events().len();
        app.stripe().delete_customer(&customer).unwrap();
        let mut events = app.events().split_off(before);
        if backwards {
            events.reverse();
        }
        for event in &events {
            app.settle(event).await;
        }
        let condition = format!("stripe_customer_id = '{customer}'");
        assert_eq!(app.value("app.customers", "deleted", &condition).await, json!(true));
        for (subscription, begun) in
            subscriptions.iter().zip(["subscription.activated", "subscription.trialing"])
        {
            assert_eq!(status(&app, subscription).await, "canceled");
            assert_eq!(app.told(subscription).await, [begun, "subscription.canceled"]);
            let condition = format!("stripe_subscription_id = '{subscription}'");
            let whose = app.value("app.subscriptions", "customer", &condition).await;
            assert_eq!(whose, customer.as_str(), "the link outlives the customer");
        }
        assert_eq!(status(&app, &other).await, "active", "another customer's");
        app.assert_true().await;
        assert_eq!(app.anomalies().await, 0);
    }
}

#[tokio::test]
async fn a_renewal_that_is_given_up_ends_as_the_settings_say() {
    for (cancel, status_then, topic) in
        [(true, "canceled", "subscription.canceled"), (false, "unpaid", "subscription.unpaid")]
    {
        let mut app = App::open().await;
        let subscription = subscribe(&app, 1, None, GOOD);
        app.stripe().renew(&subscription, BAD).unwrap();
        app.catch_up().await;
        app.stripe().give_up_renewal(&subscription, cancel).unwrap();
        app.catch_up().await;
        assert_eq!(status(&app, &subscription).await, status_then);
        assert_eq!(app.told(&subscription).await, ["subscription.past_due", topic]);
        app.assert_true().await;
    }
}

#[tokio::test]
async fn the_event_of_a_deleted_subscription_finds_it_canceled() {
    let mut app = App::open().await;
    let subscription = subscribe(&app, 1, None, GOOD);
    app.stripe().cancel_subscription(&subscription).unwrap();
    let events = app.events();
    let event = events.last().unwrap();
    assert_eq!(event["type"], "customer.subscription.deleted");
    let Settled::Now { outcome, .. } = app.settle(event).await else { panic!("settled now") };
    assert_eq!(outcome, Outcome::Applied);
    let condition = format!("stripe_subscription_id = '{subscription}'");
    assert_eq!(app.value("app.subscriptions", "deleted", &condition).await, false);
    assert_eq!(status(&app, &subscription).await, "canceled");
    app.catch_up().await;
    app.assert_true().await;
}

#[tokio::test]
async fn a_trial_that_ends_soon_is_told_once_also_when_it_is_over() {
    let mut app = App::open().await;
    let subscription = subscribe(&app, 1, Some(14), GOOD);
    app.stripe().announce_trial_end(&subscription).unwrap();
    app.stripe().renew(&subscription, GOOD).unwrap();
    app.catch_up().await;
    for event in app.events() {
        app.settle(&event).await;
    }
    let mut told = app.told(&subscription).await;
    told.sort();
    assert_eq!(told, ["subscription.activated", "subscription.trial_ending"]);
}

#[tokio::test]
async fn replaced_items_leave_no_stale_child() {
    let mut app = App::open().await;
    let subscription = subscribe(&app, 3, None, GOOD);
    app.catch_up().await;
    let of_three = "SELECT count(*) FROM app.subscription_items";
    assert_eq!(app.value(&format!("({of_three}) AS n"), "count", "true").await, 3);
    let other = price(&app, 500);
    app.stripe().replace_items(&subscription, &[(other.clone(), 2)]).unwrap();
    app.catch_up().await;
    assert_eq!(app.value("app.subscription_items", "price", "true").await, *other);
    app.assert_true().await;
}

#[tokio::test]
async fn items_that_one_answer_does_not_show_are_not_lost() {
    let mut app = App::open().await;
    subscribe(&app, 13, None, GOOD);
    app.catch_up().await;
    app.assert_true().await;
    let all = "(SELECT count(*) FROM app.subscription_items) AS n";
    assert_eq!(app.value(all, "count", "true").await, 13);
}

#[tokio::test]
async fn a_draft_that_is_deleted_leaves_a_tombstone() {
    let mut app = App::open().await;
    let draft = id(&app.stripe().draft_invoice("cus_1", 900, "eur").unwrap());
    app.catch_up().await;
    app.stripe().delete_draft(&draft).unwrap();
    let deleted = app.events().pop().unwrap();
    assert!(matches!(app.settle(&deleted).await, Settled::Now { outcome: Outcome::Gone, .. }));
    assert_eq!(invoice(&app, "deleted", &draft).await, true);
    assert_eq!(invoice(&app, "status", &draft).await, "draft", "as it was last seen");

    // An event about it that comes late finds it gone.
    let mut late = app.events().remove(0);
    late["id"] = json!("evt_late");
    assert!(matches!(app.settle(&late).await, Settled::Now { outcome: Outcome::Gone, .. }));
    assert_eq!(invoice(&app, "deleted", &draft).await, true);
    app.assert_true().await;
}

#[tokio::test]
async fn a_deleted_product_and_its_price_leave_tombstones() {
    let mut app = App::open().await;
    let product = id(&app.stripe().create_product(Some("gold-plan.v2"), "Gold").unwrap());
    let price = id(&app.stripe().create_price(&product, 900, "eur").unwrap());
    app.catch_up().await;
    app.stripe().delete_price(&price).unwrap();
    app.stripe().delete_product(&product).unwrap();
    app.catch_up().await;
    assert_eq!(app.value("app.prices", "deleted", "true").await, true);
    assert_eq!(app.value("app.products", "deleted", "true").await, true);
    app.assert_true().await;
}

#[tokio::test]
async fn an_upcoming_invoice_is_kept_in_the_ledger_and_nowhere_else() {
    let app = App::open().await;
    let subscription = subscribe(&app, 1, None, GOOD);
    app.stripe().announce_renewal(&subscription).unwrap();
    let event = app.events().pop().unwrap();
    assert_eq!(event["type"], "invoice.upcoming");
    assert!(matches!(
        app.settle(&event).await,
        Settled::Now { outcome: Outcome::Ignored, fetched: false, .. }
    ));
    assert_eq!(app.value("quittance.events", "status", "true").await, "ignored");
    let invoices = "(SELECT count(*) FROM app.invoices) AS n";
    assert_eq!(app.value(invoices, "count", "true").await, 0);
}

#[tokio::test]
async fn money_from_elsewhere_pays_an_invoice_without_a_payment() {
    let mut app = App::open().await;
    let draft = id(&app.stripe().draft_invoice("cus_1", 900, "eur").unwrap());
    app.stripe().finalize_invoice(&draft).unwrap();
    app.stripe().pay_out_of_band(&draft).unwrap();
    app.catch_up().await;
    assert_eq!(invoice(&app, "status", &draft).await, "paid");
    assert_eq!(invoice(&app, "paid_out_of_band", &draft).await, true);
    assert_eq!(invoice(&app, "payment_intent", &draft).await, Value::Null);
    assert_eq!(app.told(&draft).await, ["invoice.paid"]);
    app.assert_true().await;
}

#[tokio::test]
async fn a_payment_that_needs_the_customer_is_told() {
    let mut app = App::open().await;
    let draft = id(&app.stripe().draft_invoice("cus_1", 900, "eur").unwrap());
    app.stripe().finalize_invoice(&draft).unwrap();
    app.stripe().pay_invoice(&draft, ASKING).unwrap();
    app.catch_up().await;
    let mut told = app.told(&draft).await;
    told.sort();
    let topics = ["invoice.finalized", "invoice.payment_action_required", "invoice.payment_failed"];
    assert_eq!(told, topics);
}
