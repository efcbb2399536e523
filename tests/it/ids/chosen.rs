//! Ids that people chose, of before API 2018-05-21 and of today.

use quittance::domain::failure::Class;
use quittance::domain::object::Kind;
use quittance::ops::name::{self, Name};
use quittance::reconcile::Settled;
use quittance::store::Outcome;
use serde_json::{Value, json};

use crate::mirror::app::{App, event};
use crate::reconcile::every_kind::examples;

const PLAN: &str = "Pro plan $699/month";

async fn example(app: &App, wanted: Kind) -> Value {
    let mut all = examples(app).await.into_iter();
    all.find_map(|(kind, object)| (kind == wanted).then_some(object)).unwrap()
}

fn customer(id: &str, metadata: &Value) -> Value {
    json!({
        "object": "customer", "id": id, "created": 1_700_000_000, "livemode": false, "balance": 0,
        "delinquent": false, "metadata": metadata, "email": null, "description": null,
        "invoice_settings": {"default_payment_method": null}, "default_source": null,
        "shipping": null,
    })
}

fn price(id: &str) -> Value {
    json!({
        "object": "price", "id": id, "active": true, "billing_scheme": "per_unit",
        "created": 1_700_000_000, "currency": "usd", "livemode": false, "lookup_key": null,
        "metadata": {}, "nickname": null, "product": "Größe?", "type": "recurring",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed",
                      "meter": null, "trial_period_days": null},
        "unit_amount": 69_900, "unit_amount_decimal": "69900", "custom_unit_amount": null,
        "tax_behavior": "unspecified", "tiers_mode": null, "transform_quantity": null,
    })
}

/// stripe-java#736, stripe-dotnet#542, stripe-node#95.
#[tokio::test]
async fn a_subscription_on_a_plan_of_old_has_its_row_and_its_item_names_the_price() {
    let app = App::start().await;
    let mut subscription = example(&app, Kind::Subscription).await;
    subscription["id"] = json!("sub_1Leg");
    subscription["customer"] = json!("jenny+shop@example.com");
    let mut item = subscription["items"]["data"][0].clone();
    item["price"] = price(PLAN);
    item["plan"]["id"] = json!(PLAN);
    subscription["items"]["data"] = json!([item]);
    app.stripe.put("/v1/subscriptions/sub_1Leg", subscription.clone());

    let told = event("customer.subscription.updated", &subscription);
    assert_eq!(app.outcome(&told).await, Outcome::Applied);
    let row = app.db.json("app.subscriptions", "stripe_subscription_id = 'sub_1Leg'").await;
    assert_eq!(row["status"], subscription["status"]);
    assert_eq!(row["customer"], "jenny+shop@example.com");
    let item = app.db.json("app.subscription_items", "subscription = 'sub_1Leg'").await;
    assert_eq!((&item["price"], &item["product"]), (&json!(PLAN), &json!("Größe?")));
}

/// The same reports; stripe-node#125, stripe-dotnet#224, stripe-mock#157 for the plus.
#[tokio::test]
async fn what_has_a_chosen_id_is_fetched_at_its_encoded_path() {
    let app = App::start().await;
    let coupon = json!({"object": "coupon", "id": "20% off", "livemode": false, "valid": true});
    let plan = json!({"object": "plan", "id": PLAN, "livemode": false, "active": true});
    let mut product = example(&app, Kind::Product).await;
    product["id"] = json!("Größe?");
    for (event_type, object, path) in [
        ("price.updated", price(PLAN), "/v1/prices/Pro%20plan%20%24699%2Fmonth"),
        ("plan.updated", plan, "/v1/plans/Pro%20plan%20%24699%2Fmonth"),
        ("coupon.created", coupon, "/v1/coupons/20%25%20off"),
        ("product.updated", product, "/v1/products/Gr%C3%B6%C3%9Fe%3F"),
        (
            "customer.created",
            customer("jenny+shop@example.com", &json!({})),
            "/v1/customers/jenny%2Bshop%40example.com",
        ),
    ] {
        app.stripe.put(path, object.clone());
        assert_eq!(app.outcome(&event(event_type, &object)).await, Outcome::Applied, "{path}");
        assert_eq!(app.stripe.asked(), [path]);
        let (kind, id) = (object["object"].as_str().unwrap(), object["id"].as_str().unwrap());
        assert_eq!(app.row(kind, id).await["data"], object);
    }
    assert_eq!(app.db.count("app.prices").await, 1);
    assert_eq!(app.db.count("app.customers").await, 1);
}

/// stripe-node#968, stripe-dotnet#2895: what belongs to a customer is believed by the field.
#[tokio::test]
async fn what_belongs_to_a_customer_with_a_chosen_id_is_fetched() {
    let app = App::start().await;
    let before = customer("user_42", &json!({}));
    app.stripe.put("/v1/customers/user_42", before.clone());
    app.outcome(&event("customer.created", &before)).await;
    let after = customer("user_42", &json!({"after": "discount"}));
    app.stripe.put("/v1/customers/user_42", after.clone());
    let discount = json!({"object": "discount", "id": "di_9", "customer": "user_42"});
    let told = event("customer.discount.created", &discount);
    app.outcome(&told).await;
    let row = app.db.json("app.customers", "stripe_customer_id = 'user_42'").await;
    assert_eq!(row["metadata"]["after"], "discount");
    app.stripe.asked();

    for (event_type, object, path) in [
        (
            "customer.source.created",
            json!({"object": "card", "id": "card_1Own", "customer": "user_42", "account": null}),
            "/v1/customers/user_42/sources/card_1Own",
        ),
        (
            // A chosen id that begins like another kind's is a customer's all the same.
            "customer.source.created",
            json!({"object": "bank_account", "id": "ba_1", "customer": "acct_of jenny"}),
            "/v1/customers/acct_of%20jenny/sources/ba_1",
        ),
        (
            "cash_balance.funds_available",
            json!({"object": "cash_balance", "customer": "user/42", "livemode": false}),
            "/v1/customers/user%2F42/cash_balance",
        ),
        (
            "customer.tax_id.created",
            json!({"object": "tax_id", "id": "txi_1", "customer": "user_42", "livemode": false}),
            "/v1/customers/user_42/tax_ids/txi_1",
        ),
    ] {
        app.stripe.put(path, object.clone());
        assert_eq!(app.outcome(&event(event_type, &object)).await, Outcome::Applied, "{path}");
        assert_eq!(app.stripe.asked(), [path]);
    }
    // The same by a person's hand: the row alone says what it belongs to.
    for (id, kind, path) in [
        ("card_1Own", Some("card"), "/v1/customers/user_42/sources/card_1Own"),
        ("user/42", Some("cash_balance"), "/v1/customers/user%2F42/cash_balance"),
    ] {
        let kind = kind.and_then(Kind::parse);
        let wanted = Name { kind, ..Name::parse(id).unwrap() };
        let subject = name::subject(&app.db.store, &wanted, None).await.unwrap();
        app.reconciler.refresh(subject).await.unwrap();
        assert_eq!(app.stripe.asked(), [path]);
    }
}

/// dj-stripe#1068, #1037: what is no `pm_...` is deleted by detaching it.
#[tokio::test]
async fn a_detached_source_that_stripe_calls_not_attached_is_deleted() {
    let app = App::start().await;
    let refusal = json!({"error": {
        "type": "invalid_request_error", "param": "payment_method",
        "message": "This source is not attached to a customer.",
    }});
    let mut method = example(&app, Kind::PaymentMethod).await;
    for id in ["src_1Det", "card_1Det"] {
        method["id"] = json!(id);
        method["customer"] = json!("cus_1");
        let path = format!("/v1/payment_methods/{id}");
        app.stripe.put(&path, method.clone());
        assert_eq!(app.outcome(&event("payment_method.attached", &method)).await, Outcome::Applied);

        method["customer"] = json!(null);
        app.stripe.say(&path, 400, refusal.clone());
        // Only the event that says it buries it.
        let updated = app.settle(&event("payment_method.updated", &method)).await.unwrap_err();
        assert_eq!(updated.failure.code, "stripe_request_refused");
        assert_eq!(app.outcome(&event("payment_method.detached", &method)).await, Outcome::Gone);
        let buried = format!("stripe_payment_method_id = '{id}'");
        assert_eq!(app.db.json("app.payment_methods", &buried).await["deleted"], true);
        let settled = app.settle(&event("payment_method.updated", &method)).await.unwrap();
        assert!(matches!(settled, Settled::Now { outcome: Outcome::Gone, .. }), "{settled:?}");
    }
    // A payment method of today stays readable when it is detached.
    method["id"] = json!("pm_1Det");
    app.stripe.say("/v1/payment_methods/pm_1Det", 400, refusal);
    let fault = app.settle(&event("payment_method.detached", &method)).await.unwrap_err();
    assert_eq!(fault.failure.class, Class::Permanent);
}
