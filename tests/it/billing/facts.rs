//! The hard places of billing, one by one, and what is told of them.

use quittance::reconcile::Settled;
use quittance::store::Outcome;
use serde_json::{Value, json};
use stripe_simulator::{NewCustomer, NewSubscription};

use super::road::Road;

const GOOD: &str = "pm_card_visa";
const BAD: &str = "pm_card_chargeDeclined";
const ASKING: &str = "pm_card_authenticationRequired";

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}

fn price(road: &Road, amount: i64) -> String {
    let product = road.stripe().create_product(None, "Gold").unwrap();
    id(&road.stripe().create_price(&id(&product), amount, "eur").unwrap())
}

fn subscribe(road: &Road, prices: usize, trial_days: Option<i64>, card: &str) -> String {
    subscribe_for("cus_1", road, prices, trial_days, card)
}

fn subscribe_for(
    customer: &str,
    road: &Road,
    prices: usize,
    trial_days: Option<i64>,
    card: &str,
) -> String {
    let prices = (0..prices).map(|_| (price(road, 900), 1)).collect();
    let new = NewSubscription {
        customer: customer.into(),
        prices,
        card: card.into(),
        trial_days,
        ..NewSubscription::default()
    };
    id(&road.stripe().subscribe(new).unwrap())
}

async fn status(road: &Road, subscription: &str) -> Value {
    let condition = format!("stripe_subscription_id = '{subscription}'");
    road.value("app.subscriptions", "status", &condition).await
}

async fn invoice(road: &Road, column: &str, id: &str) -> Value {
    road.value("app.invoices", column, &format!("stripe_invoice_id = '{id}'")).await
}

#[tokio::test]
async fn a_failing_renewal_is_told_and_so_is_its_recovery() {
    let mut road = Road::open().await;
    let subscription = subscribe(&road, 1, None, GOOD);
    road.catch_up().await;
    let renewed = road.stripe().renew(&subscription, BAD).unwrap();
    road.catch_up().await;
    assert_eq!(status(&road, &subscription).await, "past_due");
    let owed = renewed["latest_invoice"].as_str().unwrap();
    assert_eq!(invoice(&road, "status", owed).await, "open");
    assert_eq!(invoice(&road, "subscription", owed).await, *subscription);
    let failed = invoice(&road, "payment_intent", owed).await;

    road.stripe().retry_renewal(&subscription, GOOD).unwrap();
    road.catch_up().await;
    assert_eq!(status(&road, &subscription).await, "active");
    assert_ne!(invoice(&road, "payment_intent", owed).await, failed, "the one that paid");
    let topics = ["subscription.activated", "subscription.past_due", "subscription.activated"];
    assert_eq!(road.told(&subscription).await, topics);
    let topics = ["invoice.finalized", "invoice.payment_failed", "invoice.paid"];
    assert_eq!(road.told(owed).await, topics);
}

#[tokio::test]
async fn a_customer_who_is_deleted_takes_live_subscriptions_along() {
    for backwards in [false, true] {
        let mut road = Road::open().await;
        let customer = id(&road.stripe().create_customer(NewCustomer::default()));
        let subscriptions =
            [None, Some(14)].map(|trial_days| subscribe_for(&customer, &road, 1, trial_days, GOOD));
        let other = subscribe(&road, 1, None, GOOD);
        road.catch_up().await;
        let before = road.events().len();
        road.stripe().delete_customer(&customer).unwrap();
        let mut events = road.events().split_off(before);
        if backwards {
            events.reverse();
        }
        for event in &events {
            road.settle(event).await;
        }
        let condition = format!("stripe_customer_id = '{customer}'");
        assert_eq!(road.value("app.customers", "deleted", &condition).await, json!(true));
        for (subscription, begun) in
            subscriptions.iter().zip(["subscription.activated", "subscription.trialing"])
        {
            assert_eq!(status(&road, subscription).await, "canceled");
            assert_eq!(road.told(subscription).await, [begun, "subscription.canceled"]);
            let condition = format!("stripe_subscription_id = '{subscription}'");
            let whose = road.value("app.subscriptions", "customer", &condition).await;
            assert_eq!(whose, customer.as_str(), "the link outlives the customer");
        }
        assert_eq!(status(&road, &other).await, "active", "another customer's");
        road.assert_true().await;
        assert_eq!(road.anomalies().await, 0);
    }
}

#[tokio::test]
async fn a_renewal_that_is_given_up_ends_as_the_settings_say() {
    for (cancel, status_then, topic) in
        [(true, "canceled", "subscription.canceled"), (false, "unpaid", "subscription.unpaid")]
    {
        let mut road = Road::open().await;
        let subscription = subscribe(&road, 1, None, GOOD);
        road.stripe().renew(&subscription, BAD).unwrap();
        road.catch_up().await;
        road.stripe().give_up_renewal(&subscription, cancel).unwrap();
        road.catch_up().await;
        assert_eq!(status(&road, &subscription).await, status_then);
        assert_eq!(road.told(&subscription).await, ["subscription.past_due", topic]);
        road.assert_true().await;
    }
}

#[tokio::test]
async fn the_event_of_a_deleted_subscription_finds_it_canceled() {
    let mut road = Road::open().await;
    let subscription = subscribe(&road, 1, None, GOOD);
    road.stripe().cancel_subscription(&subscription).unwrap();
    let events = road.events();
    let event = events.last().unwrap();
    assert_eq!(event["type"], "customer.subscription.deleted");
    let Settled::Now { outcome, .. } = road.settle(event).await else { panic!("settled now") };
    assert_eq!(outcome, Outcome::Applied);
    let condition = format!("stripe_subscription_id = '{subscription}'");
    assert_eq!(road.value("app.subscriptions", "deleted", &condition).await, false);
    assert_eq!(status(&road, &subscription).await, "canceled");
    road.catch_up().await;
    road.assert_true().await;
}

#[tokio::test]
async fn a_trial_that_ends_soon_is_told_once_also_when_it_is_over() {
    let mut road = Road::open().await;
    let subscription = subscribe(&road, 1, Some(14), GOOD);
    road.stripe().announce_trial_end(&subscription).unwrap();
    road.stripe().renew(&subscription, GOOD).unwrap();
    road.catch_up().await;
    for event in road.events() {
        road.settle(&event).await;
    }
    let mut told = road.told(&subscription).await;
    told.sort();
    assert_eq!(told, ["subscription.activated", "subscription.trial_ending"]);
}

#[tokio::test]
async fn replaced_items_leave_no_stale_child() {
    let mut road = Road::open().await;
    let subscription = subscribe(&road, 3, None, GOOD);
    road.catch_up().await;
    let of_three = "SELECT count(*) FROM app.subscription_items";
    assert_eq!(road.value(&format!("({of_three}) AS n"), "count", "true").await, 3);
    let other = price(&road, 500);
    road.stripe().replace_items(&subscription, &[(other.clone(), 2)]).unwrap();
    road.catch_up().await;
    assert_eq!(road.value("app.subscription_items", "price", "true").await, *other);
    road.assert_true().await;
}

#[tokio::test]
async fn items_that_one_answer_does_not_show_are_not_lost() {
    let mut road = Road::open().await;
    subscribe(&road, 13, None, GOOD);
    road.catch_up().await;
    road.assert_true().await;
    let all = "(SELECT count(*) FROM app.subscription_items) AS n";
    assert_eq!(road.value(all, "count", "true").await, 13);
}

#[tokio::test]
async fn a_draft_that_is_deleted_leaves_a_tombstone() {
    let mut road = Road::open().await;
    let draft = id(&road.stripe().draft_invoice("cus_1", 900, "eur").unwrap());
    road.catch_up().await;
    road.stripe().delete_draft(&draft).unwrap();
    let deleted = road.events().pop().unwrap();
    assert!(matches!(road.settle(&deleted).await, Settled::Now { outcome: Outcome::Gone, .. }));
    assert_eq!(invoice(&road, "deleted", &draft).await, true);
    assert_eq!(invoice(&road, "status", &draft).await, "draft", "as it was last seen");

    // An event about it that comes late finds it gone.
    let mut late = road.events().remove(0);
    late["id"] = json!("evt_late");
    assert!(matches!(road.settle(&late).await, Settled::Now { outcome: Outcome::Gone, .. }));
    assert_eq!(invoice(&road, "deleted", &draft).await, true);
    road.assert_true().await;
}

#[tokio::test]
async fn a_deleted_product_and_its_price_leave_tombstones() {
    let mut road = Road::open().await;
    let product = id(&road.stripe().create_product(Some("gold-plan.v2"), "Gold").unwrap());
    let price = id(&road.stripe().create_price(&product, 900, "eur").unwrap());
    road.catch_up().await;
    road.stripe().delete_price(&price).unwrap();
    road.stripe().delete_product(&product).unwrap();
    road.catch_up().await;
    assert_eq!(road.value("app.prices", "deleted", "true").await, true);
    assert_eq!(road.value("app.products", "deleted", "true").await, true);
    road.assert_true().await;
}

#[tokio::test]
async fn an_upcoming_invoice_is_kept_in_the_ledger_and_nowhere_else() {
    let road = Road::open().await;
    let subscription = subscribe(&road, 1, None, GOOD);
    road.stripe().announce_renewal(&subscription).unwrap();
    let event = road.events().pop().unwrap();
    assert_eq!(event["type"], "invoice.upcoming");
    assert!(matches!(
        road.settle(&event).await,
        Settled::Now { outcome: Outcome::Ignored, fetched: false, .. }
    ));
    assert_eq!(road.value("quittance.events", "status", "true").await, "ignored");
    let invoices = "(SELECT count(*) FROM app.invoices) AS n";
    assert_eq!(road.value(invoices, "count", "true").await, 0);
}

#[tokio::test]
async fn money_from_elsewhere_pays_an_invoice_without_a_payment() {
    let mut road = Road::open().await;
    let draft = id(&road.stripe().draft_invoice("cus_1", 900, "eur").unwrap());
    road.stripe().finalize_invoice(&draft).unwrap();
    road.stripe().pay_out_of_band(&draft).unwrap();
    road.catch_up().await;
    assert_eq!(invoice(&road, "status", &draft).await, "paid");
    assert_eq!(invoice(&road, "paid_out_of_band", &draft).await, true);
    assert_eq!(invoice(&road, "payment_intent", &draft).await, Value::Null);
    assert_eq!(road.told(&draft).await, ["invoice.paid"]);
    road.assert_true().await;
}

#[tokio::test]
async fn a_payment_that_needs_the_customer_is_told() {
    let mut road = Road::open().await;
    let draft = id(&road.stripe().draft_invoice("cus_1", 900, "eur").unwrap());
    road.stripe().finalize_invoice(&draft).unwrap();
    road.stripe().pay_invoice(&draft, ASKING).unwrap();
    road.catch_up().await;
    let mut told = road.told(&draft).await;
    told.sort();
    let topics = ["invoice.finalized", "invoice.payment_action_required", "invoice.payment_failed"];
    assert_eq!(told, topics);
}
