//! A backfill as an operation: one at a time, cancelled, held, and continued where it was.

use quittance::backfill::BackfillError;
use quittance::queue::{Inspector, Lane};
use quittance::store::operation::OperationState;
use stripe_simulator::{Fault, FaultKind, Kind};
use tokio_util::sync::CancellationToken;

use super::{ACTOR, AT_ONCE, backfill, begin, lives, quiet, read, request, run};
use crate::harness::eventually;

const LIST: &str = "GET /v1/payment_intents";

#[tokio::test]
async fn two_at_once_for_one_kind_of_an_account_are_refused() {
    let app = quiet(0, AT_ONCE).await;
    let first = begin(&app, &request(&["charge", "refund"], "own")).await;
    let refused = backfill(&app).begin(&request(&["refund", "customer"], "own"), ACTOR).await;
    let Err(error @ BackfillError::Busy(_)) = refused else { panic!("{refused:?}") };
    let text = error.to_string();
    assert!(text.contains(&format!("operation {} reads refund", first.operation.id)), "{text}");
    assert_eq!(app.db.count("quittance.operations").await, 1, "nothing is left of it");
    // Another kind, and another account.
    begin(&app, &request(&["customer"], "own")).await;
    begin(&app, &request(&["charge"], "acct_1")).await;
    // One that was interrupted still has it; one that has ended does not.
    app.db
        .execute("UPDATE quittance.operations SET heartbeat_at = now() - interval '2 minutes'")
        .await;
    assert!(backfill(&app).begin(&request(&["charge"], "own"), ACTOR).await.is_err());
    assert_eq!(run(&app, first).await.state, OperationState::Done);
    begin(&app, &request(&["refund"], "own")).await;
}

#[tokio::test]
async fn one_that_is_stopped_goes_on_exactly_where_it_was() {
    let app = quiet(0, AT_ONCE).await;
    lives(&app, 450, 11).await;
    let payments = i64::try_from(app.stripe().truth(Kind::PaymentIntent).len()).unwrap();
    let running = begin(&app, &request(&["payment_intent"], "own")).await;
    let id = running.operation.id;
    // The first pages are answered, and then none.
    let (stop, one) = (CancellationToken::new(), backfill(&app));
    let run_it = tokio::spawn({
        let stop = stop.clone();
        async move { one.run(running, |_| {}, &stop).await }
    });
    eventually("a page is noted", async || {
        app.db.number("SELECT coalesce(sum(turns), 0)::bigint FROM quittance.backfill_ranges").await
            >= 1
    })
    .await;
    app.stripe().add_fault(Fault::always(LIST, FaultKind::HoldBefore));
    stop.cancel();
    let stopped = run_it.await.unwrap().unwrap();
    if stopped.state == OperationState::Done {
        panic!("it was too fast to be stopped");
    }
    assert_eq!(stopped.state, OperationState::Interrupted);
    assert!(stopped.total < payments, "{stopped:?}");
    app.stripe().clear_faults();
    let noted =
        app.db.rows("SELECT after, reached FROM quittance.backfill_ranges ORDER BY id").await;

    let resumed = backfill(&app).resume(id, ACTOR).await.unwrap().unwrap();
    let again = backfill(&app).resume(id, ACTOR).await.unwrap();
    assert!(again.is_none(), "it runs");
    let done = run(&app, resumed).await;
    assert_eq!((done.state, done.failed), (OperationState::Done, 0));
    // Each object was counted once: no page was read twice, and none left out.
    assert_eq!((done.total, done.done), (payments, payments), "{noted:?}");
    assert_eq!(read(&app, &done, "payment_intent").await.added, payments);
    assert_eq!(app.db.count("app.payments").await, payments);
}

#[tokio::test]
async fn a_cancel_ends_it_before_its_next_page_and_a_resume_reads_the_rest() {
    let app = quiet(0, AT_ONCE).await;
    lives(&app, 30, 12).await;
    let payments = i64::try_from(app.stripe().truth(Kind::PaymentIntent).len()).unwrap();
    app.stripe().add_fault(Fault::once(LIST, FaultKind::HoldBefore));
    let running = begin(&app, &request(&["payment_intent"], "own")).await;
    let id = running.operation.id;
    let one = backfill(&app);
    let run_it =
        tokio::spawn(async move { one.run(running, |_| {}, &CancellationToken::new()).await });
    let held = app.stripe().next_held().await;
    quittance::ops::operations::cancel(&app.db.store, id, ACTOR).await.unwrap().unwrap();
    let ended = run_it.await.unwrap().unwrap();
    assert_eq!((ended.state, ended.total), (OperationState::Cancelled, 0));
    drop(held);
    let resumed = backfill(&app).resume(id, ACTOR).await.unwrap().unwrap();
    assert_eq!(run(&app, resumed).await.total, payments);
}

#[tokio::test]
async fn one_whose_kinds_another_one_reads_by_now_is_not_resumed() {
    let app = quiet(0, AT_ONCE).await;
    let running = begin(&app, &request(&["charge"], "own")).await;
    let id = running.operation.id;
    app.db
        .execute("UPDATE quittance.operations SET heartbeat_at = now() - interval '2 minutes'")
        .await;
    let cancelling = quittance::ops::operations::cancel(&app.db.store, id, ACTOR).await.unwrap();
    let Some(quittance::store::operation::Cancelling::ByCaller(running)) = cancelling else {
        panic!("{cancelling:?}")
    };
    let stop = CancellationToken::new();
    let ended =
        quittance::ops::operations::run(&app.db.store, None, running, |_| {}, &stop).await.unwrap();
    assert_eq!(ended.state, OperationState::Cancelled);
    let other = begin(&app, &request(&["charge"], "own")).await;
    let resumed = backfill(&app).resume(id, ACTOR).await;
    assert!(matches!(resumed, Err(BackfillError::Busy(_))), "{resumed:?}");
    run(&app, other).await;
    let resumed = backfill(&app).resume(id, ACTOR).await.unwrap().unwrap();
    assert_eq!(run(&app, resumed).await.state, OperationState::Done);
}

#[tokio::test]
async fn while_the_backfill_lane_is_paused_it_waits() {
    let app = quiet(0, AT_ONCE).await;
    lives(&app, 10, 13).await;
    let inspector = Inspector::new(&app.settings.redis, &app.settings.queue).unwrap();
    inspector.pause(Lane::Backfill, "ada", None).await.unwrap();
    let running = begin(&app, &request(&["charge"], "own")).await;
    let (one, mut beats) = (backfill(&app), 0);
    let (lane, lists) = (inspector.clone(), app.stripe());
    let (send, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let progress = |_: &_| {
        beats += 1;
        // A look at its second heartbeat: it has read nothing.
        if beats == 2 {
            send.send(lists.stats().requests_to(Some("GET /v1/charges"))).unwrap();
        }
    };
    let stop = CancellationToken::new();
    let unpause = async {
        let asked = heard.recv().await.unwrap();
        assert_eq!(asked, 0);
        lane.resume(Lane::Backfill).await.unwrap();
    };
    let (done, ()) = tokio::join!(one.run(running, progress, &stop), unpause);
    assert_eq!(done.unwrap().state, OperationState::Done);
    assert!(app.db.count("app.charges").await > 0);
}
