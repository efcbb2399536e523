//! Answers that cannot be Stripe's, to everything: the work pauses before it dead-letters the world.

use stripe_simulator::WrongAnswer;

use crate::harness::App;

/// As many events of as many objects as would be buried.
const PAYMENTS: usize = 16;

/// What a worker sees of a wrong answer before it has seen enough of it: `worker.down_after`, less one.
const FEW: i64 = 4;

async fn is_survived(wrong: WrongAnswer, most: i64) {
    let app = App::start().await;
    app.stripe().set_auto_deliver(false);
    for _ in 0..PAYMENTS {
        app.pays("pm_card_visa");
    }
    app.stripe().set_chaos(|chaos| chaos.wrong = Some(wrong));
    let events = app.events("payment_intent.succeeded");
    for event in &events {
        app.deliver(event).await;
    }
    let pause = app.waits_for("stripe").await;
    assert_ne!(pause["down"][0]["message"], "", "{pause}");
    app.stripe().set_chaos(|chaos| chaos.wrong = None);
    app.drained().await;
    app.is_ready().await;
    let dead_letters = app.db.count("quittance.dead_letters").await;
    assert!(dead_letters <= most, "{dead_letters} dead letters of {wrong:?}");
    let settled = app.db.count("quittance.events WHERE status = 'settled'").await;
    assert_eq!(settled, PAYMENTS as i64 - dead_letters);
}

#[tokio::test]
async fn null_in_the_place_of_every_object_pauses_the_work() {
    is_survived(WrongAnswer::Null, FEW).await;
}

#[tokio::test]
async fn another_object_in_the_place_of_every_one_pauses_the_work() {
    is_survived(WrongAnswer::OtherObject, FEW).await;
}

#[tokio::test]
async fn a_version_that_is_refused_pauses_the_work() {
    is_survived(WrongAnswer::RefusedVersion, FEW).await;
}

#[tokio::test]
async fn answers_without_an_end_pause_the_work() {
    is_survived(WrongAnswer::TooLong, FEW).await;
}

#[tokio::test]
async fn a_server_error_that_calls_itself_final_buries_nothing() {
    is_survived(WrongAnswer::FinalServerError, 0).await;
}
