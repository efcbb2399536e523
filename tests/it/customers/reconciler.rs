//! Any order of any duplicates ends with the truth, and each fact is told once.

use std::time::Duration;

use quittance::reconcile::{Looked, Settled};
use quittance::store::{NewState, Outcome};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use stripe_simulator::{
    CheckoutMode, CustomerScenario, Kind, NewCheckout, NewCustomer, NewSetup, run_customer_scenario,
};

use super::app::App;

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

fn checkout() -> NewCheckout {
    NewCheckout {
        mode: CheckoutMode::Payment,
        amount: 1_099,
        currency: "eur".into(),
        client_reference_id: Some("cart-9".into()),
        ..NewCheckout::default()
    }
}

#[tokio::test]
async fn every_story_told_twice_in_any_order_and_in_one_second_ends_with_the_truth() {
    let app = App::start().await;
    app.sim.clock().freeze();
    let mut rng = StdRng::seed_from_u64(7);
    for &story in CustomerScenario::ALL {
        run_customer_scenario(&app.sim.platform(), story, &mut rng, Duration::ZERO).await.unwrap();
    }
    let mut events = app.events();
    events.extend(app.events());
    events.shuffle(&mut rng);
    futures_util::future::join_all(events.iter().map(|event| app.settle(event))).await;

    for customer in app.sim.truth(Kind::Customer) {
        let row = app.row("customers", id(&customer)).await;
        if customer["deleted"] == true {
            assert!(row.is_none_or(|row| row["deleted"] == true), "{customer}");
            continue;
        }
        let row = row.unwrap();
        assert_eq!((&row["deleted"], &row["delinquent"]), (&json!(false), &customer["delinquent"]));
        assert_eq!(row["metadata"], customer["metadata"]);
    }
    for setup in app.sim.truth(Kind::SetupIntent) {
        let row = app.row("setup_intents", id(&setup)).await.unwrap();
        for field in ["status", "customer", "payment_method", "metadata"] {
            assert_eq!(row[field], setup[field], "{field}");
        }
        assert_eq!(row["failure_code"], setup["last_setup_error"]["code"]);
    }
    for session in app.sim.truth(Kind::CheckoutSession) {
        let row = app.row("checkout_sessions", id(&session)).await.unwrap();
        for field in ["status", "payment_status", "mode", "payment_intent", "setup_intent"] {
            assert_eq!(row[field], session[field], "{field}");
        }
        let told = app.told(id(&session)).await;
        let count = |topic| told.iter().filter(|told| *told == topic).count();
        let (complete, paid) =
            (session["status"] == "complete", session["payment_status"] == "paid");
        assert_eq!(count("checkout.completed"), usize::from(complete));
        assert_eq!(count("checkout.paid"), usize::from(paid));
        assert_eq!(count("checkout.expired"), usize::from(session["status"] == "expired"));
    }
    for method in app.sim.truth(Kind::PaymentMethod) {
        let row = app.row("payment_methods", id(&method)).await.unwrap();
        assert_eq!(row["customer"], method["customer"]);
        assert_eq!(
            (&row["last4"], &row["exp_year"]),
            (&method["card"]["last4"], &method["card"]["exp_year"])
        );
    }
    let odd = app.texts("SELECT object_id FROM app.transitions WHERE kind = 'anomalous'").await;
    assert_eq!(odd, Vec::<String>::new());
    let ledger = app.texts("SELECT id FROM quittance.events WHERE status = 'settled'").await;
    assert_eq!(ledger.len(), app.events().len());
}

#[tokio::test]
async fn a_complete_checkout_stays_unpaid_until_the_bank_has_answered() {
    let app = App::start().await;
    let account = app.sim.platform();
    let session = account.open_checkout(checkout()).unwrap();
    account.complete_checkout(id(&session), "pm_usBankAccount").unwrap();
    for event in app.events() {
        app.settle(&event).await;
    }
    let row = app.row("checkout_sessions", id(&session)).await.unwrap();
    assert_eq!((&row["status"], &row["payment_status"]), (&json!("complete"), &json!("unpaid")));
    assert_eq!(row["client_reference_id"], "cart-9");
    assert_eq!(app.told(id(&session)).await, ["checkout.completed"]);

    account.settle_checkout(id(&session), true).unwrap();
    for event in app.events() {
        app.settle(&event).await;
    }
    let row = app.row("checkout_sessions", id(&session)).await.unwrap();
    assert_eq!(row["payment_status"], "paid");
    assert_eq!(app.told(id(&session)).await, ["checkout.completed", "checkout.paid"]);
    let steps = "SELECT to_status FROM app.transitions WHERE object_kind = 'checkout.session' \
        ORDER BY id";
    assert_eq!(app.texts(steps).await, ["complete/unpaid", "complete/paid"]);
}

#[tokio::test]
async fn a_payment_that_fails_later_leaves_the_checkout_unpaid_and_is_told_by_itself() {
    let app = App::start().await;
    let account = app.sim.platform();
    let session = account.open_checkout(checkout()).unwrap();
    account.complete_checkout(id(&session), "pm_usBankAccount").unwrap();
    account.settle_checkout(id(&session), false).unwrap();
    let failed = app.events_of("checkout.session.async_payment_failed");
    for event in failed.iter().chain(&failed).chain(&app.events()) {
        app.settle(event).await;
    }
    let row = app.row("checkout_sessions", id(&session)).await.unwrap();
    assert_eq!((&row["status"], &row["payment_status"]), (&json!("complete"), &json!("unpaid")));
    let mut told = app.told(id(&session)).await;
    told.sort();
    assert_eq!(told, ["checkout.completed", "checkout.payment_failed"]);
}

#[tokio::test]
async fn a_deleted_customer_is_not_brought_back_by_a_late_event() {
    let app = App::start().await;
    let account = app.sim.platform();
    let customer = account.create_customer(NewCustomer::default());
    let created = app.events();
    app.settle(&created[0]).await;
    account.set_delinquent(id(&customer), true).unwrap();
    let method = account.attach_method("pm_card_visa", id(&customer)).unwrap();
    account.delete_customer(id(&customer)).unwrap();
    for event in app.events_of("customer.deleted") {
        let settled = app.settle(&event).await;
        assert!(matches!(settled, Settled::Now { outcome: Outcome::Gone, .. }), "{settled:?}");
    }
    for event in app.events_of("customer.updated") {
        let settled = app.settle(&event).await;
        let gone = matches!(settled, Settled::Now { outcome: Outcome::Gone, fetched: false, .. });
        assert!(gone, "{settled:?}");
    }
    for event in app.events() {
        app.settle(&event).await;
    }
    let row = app.row("customers", id(&customer)).await.unwrap();
    assert_eq!((&row["deleted"], &row["delinquent"]), (&json!(true), &json!(false)));
    let row = app.row("payment_methods", id(&method)).await.unwrap();
    assert_eq!((&row["status"], &row["customer"]), (&json!("attached"), &customer["id"]));
    account.detach_method(id(&method)).unwrap();
    for event in app.events_of("payment_method.detached") {
        app.settle(&event).await;
    }
    let row = app.row("payment_methods", id(&method)).await.unwrap();
    assert_eq!((&row["status"], &row["customer"]), (&json!("detached"), &json!(null)));
}

/// A card of the time before PaymentMethods is deleted when it is detached, and no event says so.
#[tokio::test]
async fn an_old_card_that_is_missing_is_gone_unless_the_key_is_of_another_account() {
    let app = App::start().await;
    let account = app.sim.platform();
    let customer = account.create_customer(NewCustomer::default());
    let method = account.attach_method("pm_card_visa", id(&customer)).unwrap();
    account.detach_method(id(&method)).unwrap();
    let mut event = app.events_of("payment_method.detached").remove(0);
    event["data"]["object"]["id"] = json!("card_1");

    app.sim.set_chaos(|chaos| chaos.other_account = true);
    for failure in [app.try_settle(&event).await.err(), app.look(&event).await.err()] {
        assert_eq!(failure.unwrap().failure.code, "stripe_wrong_account");
    }
    app.sim.set_chaos(|chaos| chaos.other_account = false);
    let Looked::Seen { change, .. } = app.look(&event).await.unwrap() else { panic!("a look") };
    assert_eq!(change.state, NewState::Deleted);
    let settled = app.settle(&event).await;
    assert!(matches!(settled, Settled::Now { outcome: Outcome::Gone, .. }), "{settled:?}");

    // What was made since then has an event for its end.
    event["id"] = app.events_of("payment_method.attached")[0]["id"].clone();
    event["data"]["object"]["id"] = json!("pm_1");
    assert_eq!(app.try_settle(&event).await.unwrap_err().failure.code, "stripe_resource_missing");
}

#[tokio::test]
async fn a_setup_with_3ds_is_told_step_by_step_and_its_secret_is_nowhere() {
    let app = App::start().await;
    let account = app.sim.platform();
    let setup = account
        .create_setup(NewSetup {
            payment_method: Some("pm_card_authenticationRequired".into()),
            ..NewSetup::default()
        })
        .unwrap();
    account.confirm_setup(id(&setup), "pm_card_authenticationRequired").unwrap();
    for event in app.events() {
        app.settle(&event).await;
    }
    let row = app.row("setup_intents", id(&setup)).await.unwrap();
    assert_eq!(
        (&row["status"], &row["next_action"]),
        (&json!("requires_action"), &json!("use_stripe_sdk"))
    );
    account.finish_setup_3ds(id(&setup), true).unwrap();
    for event in app.events() {
        app.settle(&event).await;
    }
    assert_eq!(app.told(id(&setup)).await, ["setup.requires_action", "setup.succeeded"]);
    let stored = app.texts("SELECT data::text FROM quittance.objects").await;
    assert!(stored.iter().any(|data| data.contains(id(&setup))));
    assert!(!stored.iter().any(|data| data.contains("_secret_")));
}
