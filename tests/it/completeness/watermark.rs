//! "Complete until" never claims too much.

use quittance::domain::completeness::LISTED_FOR;
use stripe_simulator::{Config, Fault, FaultKind, Kind, ScriptedAnswer};

use super::{GRACE, PATIENT, SETTLE, complete_until, row, run, sweep, wait};
use crate::harness::{App, Options, within};

/// The latest second in which an event was made.
fn last_event(app: &App) -> i64 {
    let created = app.stripe().truth(Kind::Event).into_iter();
    created.map(|event| event["created"].as_i64().unwrap()).max().unwrap()
}

#[tokio::test]
async fn a_range_is_complete_with_the_second_listing_five_minutes_after_its_end() {
    let app = App::start().await;
    app.pays("pm_card_visa");
    app.settled().await;
    wait(&app, GRACE + 5);
    sweep(&app).await;
    let listed_until = app.stripe().clock().now() - i64::from(GRACE) - 2;
    assert!(complete_until(&app, "").await < last_event(&app));
    wait(&app, SETTLE / 2);
    sweep(&app).await;
    assert!(complete_until(&app, "").await < last_event(&app));
    wait(&app, SETTLE);
    sweep(&app).await;
    assert!(complete_until(&app, "").await > last_event(&app));
    assert!(complete_until(&app, "").await >= listed_until);
    app.stop().await;
}

#[tokio::test]
async fn an_event_that_is_listed_late_is_found_before_it_is_claimed() {
    let app = App::start().await;
    app.stripe().set_chaos(|chaos| {
        chaos.swallowed = 1.0;
        chaos.events_listed_late = 1.0;
        // Later than any overlap, sooner than a list is final.
        chaos.events_listed_late_by_seconds = 290;
    });
    app.pays("pm_card_visa");
    let (all, made) = (app.stripe().truth(Kind::Event).len(), last_event(&app));
    wait(&app, GRACE + 5);
    assert_eq!(sweep(&app).await, "1 accounts: 0 events listed, 0 missed");
    for _ in 0..40 {
        wait(&app, 30);
        sweep(&app).await;
        app.drained().await;
        if complete_until(&app, "").await > made {
            break;
        }
        let held = usize::try_from(app.db.count("quittance.events").await).unwrap();
        assert!(held == 0 || held == all);
    }
    assert!(complete_until(&app, "").await > made);
    app.is_true().await;
    app.stop().await;
}

#[tokio::test]
async fn a_list_that_is_cut_short_claims_nothing_and_what_was_seen_of_it_is_there() {
    let app = App::start().await;
    app.stripe().set_chaos(|chaos| chaos.swallowed = 1.0);
    for _ in 0..80 {
        app.pays("pm_card_visa");
    }
    let all = app.stripe().truth(Kind::Event).len();
    assert!(all > 200);
    wait(&app, GRACE + 5);
    let sweeper = app.sweeper();
    let hold = app.stripe().add_fault(Fault::always("GET /v1/events", FaultKind::HoldBefore));
    let cut_short = async {
        // The clock, the newest page, the event before the range, the first page, and the second one.
        for n in 0..5 {
            let held = within("a request", app.stripe().next_held()).await;
            if n == 4 {
                held.answer(ScriptedAnswer::json(200, &serde_json::json!({"object": "list"})));
            } else {
                held.proceed();
            }
        }
    };
    let (did, ()) = tokio::join!(run(&app, &sweeper), cut_short);
    assert!(did.unwrap().detail.ends_with("1 accounts could not be read"));
    app.stripe().remove_fault(hold);
    let row = row(&app, "").await;
    assert_eq!(row["complete_until"], serde_json::Value::Null);
    assert!(row["error"].as_str().is_some(), "{row}");
    sweep(&app).await;
    app.drained().await;
    app.is_true().await;
    assert!(complete_until(&app, "").await < last_event(&app));
    for _ in 0..3 {
        wait(&app, SETTLE + 5);
        sweep(&app).await;
    }
    assert!(complete_until(&app, "").await > last_event(&app));
    app.stop().await;
}

#[tokio::test]
async fn two_sweepers_at_once_enqueue_what_is_settled_once_and_one_of_them_notes_it() {
    let app = App::start().await;
    app.stripe().set_chaos(|chaos| chaos.swallowed = 1.0);
    app.pays("pm_card_visa");
    wait(&app, GRACE + 5);
    sweep(&app).await;
    app.drained().await;
    app.pays("pm_card_visa");
    wait(&app, GRACE + 5);
    let before = row(&app, "").await["version"].as_i64().unwrap();
    let (one, other) = (app.sweeper(), app.sweeper());
    let hold = app.stripe().add_fault(Fault::always("GET /v1/events", FaultKind::HoldAfter));
    let both = async {
        // The clocks, then the lists: both have the same state when either goes on.
        for _ in 0..2 {
            let held = [app.stripe().next_held().await, app.stripe().next_held().await];
            app.stripe().remove_fault(hold);
            app.stripe().add_fault(Fault {
                times: Some(2),
                ..Fault::always("GET /v1/events", FaultKind::HoldAfter)
            });
            for held in held {
                held.proceed();
            }
        }
        app.stripe().clear_faults();
    };
    let sweeps = async { tokio::join!(run(&app, &one), run(&app, &other)) };
    let ((one, other), ()) = within("both sweeps", async { tokio::join!(sweeps, both) }).await;
    one.unwrap();
    other.unwrap();
    let after = row(&app, "").await["version"].as_i64().unwrap();
    assert_eq!(after, before + 1);
    app.drained().await;
    app.is_true().await;
    app.stop().await;
}

/// Ours is as wrong as Stripe's is moved: the sweep must go by Stripe's alone.
#[tokio::test]
async fn a_wrong_clock_of_ours_changes_nothing() {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    for start_at in [now - 400 * 86_400, now + 400 * 86_400] {
        let simulator = Config { start_at: Some(start_at), ..Options::default().simulator };
        let app = App::with(Options { simulator, ..Options::default() }).await;
        app.stripe().set_chaos(|chaos| chaos.swallowed = 0.5);
        app.pays("pm_card_visa");
        app.pays("pm_card_visa");
        app.settled().await;
        wait(&app, GRACE + 5);
        sweep(&app).await;
        app.drained().await;
        assert!(complete_until(&app, "").await < last_event(&app));
        wait(&app, SETTLE + GRACE);
        sweep(&app).await;
        assert!(complete_until(&app, "").await > last_event(&app));
        assert!(complete_until(&app, "").await <= app.stripe().clock().now());
        app.is_true().await;
        app.stop().await;
    }
}

#[tokio::test]
async fn an_event_that_waits_for_a_retry_holds_the_watermark_back() {
    let app = App::with(Options { env: &[PATIENT], ..Options::default() }).await;
    let busy = serde_json::json!({"error": {"type": "api_error", "code": "lock_timeout"}});
    let busy = FaultKind::Answer(ScriptedAnswer::json(429, &busy));
    app.stripe().add_fault(Fault::always("GET /v1/payment_intents/{id}", busy));
    app.pays("pm_card_visa");
    crate::harness::eventually("some wait for a retry", async || {
        app.db.number("SELECT count(*) FROM quittance.attempts WHERE outcome = 'failed'").await > 0
    })
    .await;
    let made = last_event(&app);
    for _ in 0..4 {
        wait(&app, SETTLE + GRACE + 5);
        sweep(&app).await;
        assert!(complete_until(&app, "").await <= made);
    }
    let row = row(&app, "").await;
    assert!(row["ranges"][0]["open"].as_i64().unwrap() > 0, "{row}");
    app.stripe().clear_faults();
    app.settled().await;
    for _ in 0..2 {
        wait(&app, SETTLE + 5);
        sweep(&app).await;
    }
    assert!(complete_until(&app, "").await > made);
    app.is_true().await;
    app.stop().await;
}

#[tokio::test]
async fn a_connected_account_that_takes_its_access_back_does_not_stop_the_others() {
    let app = App::start().await;
    app.stripe().set_chaos(|chaos| chaos.swallowed = 0.3);
    let sellers: Vec<_> = (0..10).map(|_| app.stripe().platform().connect_new().unwrap()).collect();
    for seller in &sellers {
        // Known by whatever arrives of it.
        app.stripe().set_chaos(|chaos| chaos.swallowed = 0.0);
        seller.create_payment(super::super::harness::app::payment_of(100)).unwrap();
        app.stripe().set_chaos(|chaos| chaos.swallowed = 0.3);
        for _ in 0..3 {
            seller.create_payment(super::super::harness::app::payment_of(200)).unwrap();
        }
    }
    app.settled().await;
    wait(&app, GRACE + 5);
    sweep(&app).await;
    app.drained().await;
    app.stripe().set_chaos(|chaos| chaos.swallowed = 0.0);
    app.stripe().set_auto_deliver(false);
    sellers[4].deauthorize();
    // Before the event that says so has come.
    wait(&app, SETTLE + GRACE);
    let did = run(&app, &app.sweeper()).await.unwrap().detail;
    assert!(
        did.starts_with("10 accounts") && did.ends_with("1 accounts could not be read"),
        "{did}"
    );
    let closed = row(&app, sellers[4].id()).await;
    assert_eq!(closed["no_access"], true, "{closed}");
    app.stripe().release();
    app.settled().await;
    for _ in 0..2 {
        wait(&app, SETTLE + GRACE);
        let did = sweep(&app).await;
        assert!(did.starts_with("10 accounts") && !did.contains("could not"), "{did}");
    }
    app.drained().await;
    for (n, seller) in sellers.iter().enumerate() {
        let row = row(&app, seller.id()).await;
        let claimed = complete_until(&app, seller.id()).await > last_event(&app);
        assert_eq!(claimed, n != 4, "{row}");
    }
    app.is_true().await;
    app.stop().await;
}

#[tokio::test]
async fn what_stripe_lists_no_longer_is_never_claimed() {
    let app = App::start().await;
    app.pays("pm_card_visa");
    app.settled().await;
    wait(&app, GRACE + 5);
    sweep(&app).await;
    let (until, gone) = (complete_until(&app, "").await, u32::try_from(LISTED_FOR).unwrap());
    wait(&app, gone + 86_400);
    sweep(&app).await;
    let gap = app
        .db
        .rows("SELECT extract(epoch FROM from_at)::bigint AS at FROM quittance.sweep_gaps")
        .await;
    assert_eq!(gap, [serde_json::json!({"at": until})]);
    let since = "SELECT extract(epoch FROM since)::bigint FROM quittance.sweep_accounts";
    let since = app.db.number(since).await;
    assert!(since >= app.stripe().clock().now() - LISTED_FOR, "{since}");
    let status = app.store().completeness().await.unwrap().unwrap();
    assert_eq!(status.gaps, 1);
    app.stop().await;
}
