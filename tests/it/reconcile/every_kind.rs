//! What must hold of each kind that has a table, whichever rules it has besides: two changes within
//! one second are both seen, and what was deleted stays deleted.

use std::time::Duration;

use quittance::domain::object::Kind;
use quittance::store::Outcome;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use stripe_simulator::{
    self, BillingScenario, CustomerScenario, NewPayment, Simulator, run_billing_scenario,
    run_customer_scenario, run_payment,
};
use tokio::net::TcpListener;

use crate::mirror::app::{App, event};

/// An object of each kind, as Stripe shows it. What else an event about one of them makes us ask for
/// (a refund's charge, say) is put where it is asked for.
pub(crate) async fn examples(app: &App) -> Vec<(Kind, Value)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stripe = Simulator::start(listener, stripe_simulator::Config::default()).unwrap();
    let (account, mut rng) = (stripe.platform(), StdRng::seed_from_u64(1));
    for _ in 0..40 {
        run_payment(&account, &mut rng, Duration::ZERO).await.unwrap();
    }
    for story in CustomerScenario::ALL {
        run_customer_scenario(&account, *story, &mut rng, Duration::ZERO).await.unwrap();
    }
    for story in BillingScenario::ALL {
        run_billing_scenario(&account, story, &mut rng, Duration::ZERO).await.unwrap();
    }
    let card = Some("pm_card_visa".to_owned());
    let currency = "eur".to_owned();
    let new = NewPayment {
        amount: 900,
        currency,
        payment_method: card,
        confirm: true,
        ..NewPayment::default()
    };
    let paid = account.create_payment(new).unwrap();
    account.dispute_payment(paid["id"].as_str().unwrap(), false).unwrap();
    account.create_payout(500, "eur").unwrap();
    account.connect_new().unwrap();
    let events = stripe.truth(stripe_simulator::Kind::Event);
    let shown = |kind: Kind| {
        let mut objects = events.iter().rev().map(|event| &event["data"]["object"]);
        let alive = |it: &&Value| it["object"] == kind.as_str() && it["deleted"] != true;
        objects.find(alive).unwrap_or_else(|| panic!("no {kind:?} in the stories")).clone()
    };
    let charges = stripe.truth(stripe_simulator::Kind::Charge);
    for charge in charges {
        app.stripe.put(&format!("/v1/charges/{}", charge["id"].as_str().unwrap()), charge);
    }
    Kind::ALL.iter().map(|kind| (*kind, shown(*kind))).collect()
}

/// An event about it, and the path by which its kind is fetched.
async fn first_sight(app: &App, object: &Value) -> (Value, String) {
    let mut told = event("a.type.of.tomorrow", object);
    if object["object"] == "account" {
        told["type"] = json!("account.updated");
        told["account"] = object["id"].clone();
    }
    // Stripe does not know it yet, so this only shows what is asked.
    app.stripe.remove(&format!("/v1/charges/{}", object["id"].as_str().unwrap()));
    app.settle(&told).await.unwrap_err();
    let path = app.stripe.asked().pop().unwrap();
    (told, path)
}

#[tokio::test]
async fn the_second_of_two_changes_within_one_second_is_seen() {
    let app = App::start().await;
    for (kind, mut object) in examples(&app).await {
        object["metadata"] = json!({"change": "1"});
        let (told, path) = first_sight(&app, &object).await;
        app.stripe.put(&path, object.clone());
        assert_eq!(app.outcome(&told).await, Outcome::Applied, "{kind:?}");

        object["metadata"]["change"] = json!("2");
        app.stripe.put(&path, object.clone());
        let mut again = told.clone();
        again["id"] = json!(format!("{}_again", told["id"].as_str().unwrap()));
        let id = object["id"].as_str().unwrap();
        let second = format!(
            "SELECT extract(epoch FROM observed_at)::bigint FROM quittance.objects WHERE id = '{id}'"
        );
        again["created"] = json!(app.db.number(&second).await);
        app.stripe.asked();
        app.outcome(&again).await;
        assert!(app.stripe.asked().contains(&path), "{kind:?} was not asked for again");
        let row = app.row(kind.as_str(), id).await;
        assert_eq!(row["data"]["metadata"]["change"], "2", "{kind:?}");
    }
}

#[tokio::test]
async fn what_was_deleted_stays_deleted_whatever_comes_late() {
    let app = App::start().await;
    for (kind, object) in examples(&app).await {
        let id = object["id"].as_str().unwrap();
        let (told, path) = first_sight(&app, &object).await;
        app.stripe.put(&path, object.clone());
        assert_eq!(app.outcome(&told).await, Outcome::Applied, "{kind:?}");

        let gone = json!({"id": id, "object": kind.as_str(), "deleted": true});
        app.stripe.put(&path, gone);
        let mut deleted = told.clone();
        deleted["id"] = json!(format!("{}_deleted", told["id"].as_str().unwrap()));
        app.outcome(&deleted).await;
        let place = app.db.json("quittance.kinds", &format!("kind = '{}'", kind.as_str())).await;
        let [table, column] = ["app_table", "id_column"].map(|it| place[it].as_str().unwrap());
        let buried = app.db.json(table, &format!("{column} = '{id}'")).await;
        assert_eq!(buried["deleted"], true, "{kind:?}");

        // Stripe never takes it back; a cache or a replica that does must not either.
        app.stripe.put(&path, object.clone());
        app.stripe.asked();
        let mut late = told.clone();
        late["id"] = json!(format!("{}_late", told["id"].as_str().unwrap()));
        late["created"] = json!(told["created"].as_u64().unwrap() + 3_600);
        assert_eq!(app.outcome(&late).await, Outcome::Gone, "{kind:?}");
        assert!(!app.stripe.asked().contains(&path), "{kind:?} is gone and was asked for");
        assert_eq!(app.db.json(table, &format!("{column} = '{id}'")).await, buried, "{kind:?}");
        let row = app.row(kind.as_str(), id).await;
        assert_eq!(row["deleted"], true, "{kind:?}");
    }
}
