//! Settling an event again.

use quittance::domain::id::{AccountId, EventId};
use quittance::ops::replay::{self, Replay, ReplayError, Replayed};
use serde_json::Value;
use stripe_simulator::{Kind, Scope};

use super::{JANE, audit, fragile};
use crate::harness::App;
use crate::harness::app::payment_of;

async fn replay(app: &App, event: &str) -> Result<Replayed, ReplayError> {
    let wanted = Replay { id: EventId::parse(event).unwrap(), account: None, mode: None };
    replay::replay(&app.db.store, &app.producer, &app.reconciler(), &wanted, JANE).await
}

#[tokio::test]
async fn an_event_that_never_came_is_fetched_settled_and_noted() {
    let app = App::start().await;
    app.stripe().set_auto_deliver(false);
    let payment = app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").remove(0);

    let done = replay(&app, &event).await.unwrap();
    assert!(matches!(done, Replayed::Enqueued { was: None, .. }), "{done:?}");
    app.drained().await;
    assert_eq!(app.event(&event).await["status"], "settled");
    assert_eq!(app.event(&event).await["endpoint"], "replay");
    assert_eq!(app.payment(&payment).await["status"], "succeeded");
    assert_eq!(audit(&app).await, [format!("jane event.replay event:{event} ticket 4711")]);
    app.stop().await;
}

#[tokio::test]
async fn of_an_event_that_has_settled_the_object_is_reconciled_and_nothing_is_told_again() {
    let app = App::start().await;
    let payment = app.pays("pm_card_visa");
    app.settled().await;
    let event = app.events("payment_intent.succeeded").remove(0);
    let told = app.told(&payment).await;
    app.db.execute("UPDATE app.payments SET status = 'canceled'").await;

    let done = replay(&app, &event).await.unwrap();
    let Replayed::Reconciled { reconciled, .. } = done else { panic!("{done:?}") };
    assert_eq!((reconciled.object.id.as_str(), reconciled.asked), (payment.as_str(), true));
    assert_eq!(app.payment(&payment).await["status"], "succeeded");
    assert_eq!(app.told(&payment).await, told);
    app.stop().await;
}

#[tokio::test]
async fn a_replay_of_a_dead_event_resolves_its_dead_letter() {
    let app = fragile().await;
    app.stripe().set_auto_deliver(false);
    app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").remove(0);
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    app.deliver(&event).await;
    app.drained().await;
    app.stripe().set_chaos(|chaos| chaos.server_errors = 0.0);

    let done = replay(&app, &event).await.unwrap();
    let Replayed::Enqueued { was, .. } = done else { panic!("{done:?}") };
    assert_eq!(was.as_deref(), Some("dead"));
    app.drained().await;
    assert_eq!(app.db.json("quittance.dead_letters", "true").await["state"], "resolved");
    assert_eq!(app.event(&event).await["endpoint"], "default", "the one that had accepted it");
    app.stop().await;
}

#[tokio::test]
async fn what_stripe_does_not_have_or_not_any_more_is_said_and_nothing_is_done() {
    let app = App::start().await;
    let none = replay(&app, "evt_nobody").await.unwrap_err();
    assert!(matches!(none, ReplayError::NotAtStripe { .. }), "{none}");
    assert!(none.to_string().contains("our own account in test mode"), "{none}");

    app.db
        .execute(
            "INSERT INTO quittance.events (
                 id, type, account, livemode, stripe_created, endpoint, received_at, status, attempts)
             VALUES ('evt_old', 'charge.failed', '', false, now() - interval '31 days', 'default',
                     now(), 'dead', 1)",
        )
        .await;
    let asked = app.requests();
    let old = replay(&app, "evt_old").await.unwrap_err();
    assert!(matches!(old, ReplayError::TooOld { .. }), "{old}");
    assert_eq!(app.requests(), asked, "Stripe need not be asked for what it cannot have");
    assert_eq!(audit(&app).await, [""; 0]);
    app.stop().await;
}

#[tokio::test]
async fn an_event_of_a_connected_account_is_replayed_as_one() {
    let app = App::start().await;
    app.stripe().set_auto_deliver(false);
    let connected = app.stripe().connected("acct_connected");
    let made = connected.create_payment(payment_of(700)).expect("a payment of the account");
    let scope = Scope { account: Some("acct_connected".into()), livemode: false };
    let events = app.stripe().truth_in(&scope, Kind::Event);
    let event = events.iter().find(|it| it["type"] == "payment_intent.created").unwrap();
    let id = EventId::parse(event["id"].as_str().unwrap()).unwrap();

    let account = Some(AccountId::parse("acct_connected").unwrap());
    let wanted = Replay { id, account, mode: None };
    replay::replay(&app.db.store, &app.producer, &app.reconciler(), &wanted, JANE).await.unwrap();
    app.drained().await;
    let row: Value = app.payment(made["id"].as_str().unwrap()).await;
    assert_eq!(row["stripe_account"], "acct_connected");
    app.stop().await;
}
