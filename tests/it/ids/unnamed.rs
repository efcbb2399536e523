//! An event of a handled kind that does not say which object it is about is never ignored.

use quittance::domain::failure::Class;
use quittance::domain::object::Kind;
use quittance::store::Outcome;
use serde_json::{Value, json};

use crate::mirror::app::{App, event, thin};

async fn given_up(app: &App, event: &Value, text: &str) {
    let failure = app.settle(event).await.unwrap_err().failure;
    assert_eq!((failure.class, failure.code.as_str()), (Class::Permanent, "event_object_unnamed"));
    assert!(failure.message().contains(text), "{}", failure.message());
}

#[tokio::test]
async fn what_a_handled_kind_lacks_is_an_error_that_says_it() {
    let app = App::start().await;
    for (event_type, object, text) in [
        (
            "customer.discount.created",
            json!({"object": "discount", "id": "di_1", "customer": null}),
            "a discount that does not say what it belongs to (`subscription` or `customer`",
        ),
        (
            "customer.source.created",
            json!({"object": "card", "id": "card_1", "customer": 5}),
            "a card that does not say what it belongs to (`account` or `customer`",
        ),
        ("cash_balance.funds_available", json!({"object": "cash_balance"}), "`customer` is absent"),
        ("payment_intent.succeeded", json!({"object": "payment_intent", "id": 7}), "without an id"),
        ("coupon.created", json!({"object": "coupon"}), "a coupon without an id"),
        ("payment_intent.succeeded", json!({"id": "pi_1"}), "type payment_intent.succeeded"),
        ("payment_intent.succeeded", json!({"object": "", "id": "pi_1"}), "`object`"),
    ] {
        given_up(&app, &event(event_type, &object), text).await;
    }
    let related = json!({"type": "billing.meter"});
    given_up(&app, &thin("v1.billing.meter.error_report_triggered", &related), "without an id")
        .await;
    assert_eq!(app.stripe.asked(), [""; 0]);
    assert_eq!(app.db.count("quittance.events").await, 0, "nothing is kept as ignored");
}

#[tokio::test]
async fn an_object_of_each_kind_without_an_id_is_an_error() {
    let app = App::start().await;
    for kind in Kind::every().filter(|kind| *kind != Kind::Account) {
        let single = kind.mirror().filter(|mirror| mirror.is_single());
        if single.is_some_and(|mirror| mirror.single_of().is_none()) {
            continue;
        }
        let told = event("a.type.of.tomorrow", &json!({"object": kind.as_str(), "id": null}));
        let failure = app.settle(&told).await.unwrap_err().failure;
        assert_eq!(failure.code, "event_object_unnamed", "{kind:?}");
    }
}

#[tokio::test]
async fn an_event_of_a_kind_that_is_not_handled_may_lack_anything() {
    let app = App::start().await;
    for object in [json!({}), json!({"object": "gizmo"}), json!({"object": "gizmo", "id": 7})] {
        let outcome = app.outcome(&event("gizmo.created", &object)).await;
        assert_eq!(outcome, Outcome::Ignored, "{object}");
    }
}
