//! Effects once, in whatever order and however often events come.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use stripe_simulator::{Confirm, NewRefund, PaymentScenario, run_payment_scenario};

use crate::harness::app::payment_of;
use crate::harness::{App, Options};

/// What the tables hold in the end, apart from what depends on when it happened and on how often
/// Stripe was asked.
async fn rows(app: &App) -> Vec<Value> {
    let mut all = Vec::new();
    for (table, id) in
        [("payments", "payment_intent"), ("charges", "charge"), ("refunds", "refund")]
    {
        for mut row in
            app.db.rows(&format!("SELECT * FROM app.{table} ORDER BY stripe_{id}_id")).await
        {
            let fields = row.as_object_mut().unwrap();
            for dependent in
                ["id", "version", "observed_at", "created_at", "updated_at", "stripe_created"]
            {
                fields.remove(dependent);
            }
            all.push(row);
        }
    }
    all
}

/// A declined attempt, a success, a refund that fails and one that does not; the ids of all events.
fn lives(app: &App) -> (String, Vec<String>) {
    let account = app.stripe().platform();
    let payment = app.makes(payment_of(2000));
    let confirm = |card: &str| {
        let how = Confirm { payment_method: Some(card.to_owned()), ..Confirm::default() };
        // The declined one is a 402.
        let _ = account.confirm_payment(&payment, how);
    };
    confirm("pm_card_chargeDeclined");
    confirm("pm_card_chargeDeclinedInsufficientFunds");
    confirm("pm_card_visa");
    let refund = |amount| {
        let new =
            NewRefund { payment_intent: Some(payment.clone()), amount, ..NewRefund::default() };
        account.create_refund(new).unwrap()["id"].as_str().unwrap().to_owned()
    };
    account.fail_refund(&refund(Some(500))).unwrap();
    refund(Some(300));
    (payment, app.events(""))
}

#[tokio::test]
async fn any_order_of_any_duplicates_converges_and_tells_each_fact_once() {
    let mut rng = StdRng::seed_from_u64(20_260_101);
    let mut converged: Option<Vec<Value>> = None;
    for _ in 0..6 {
        let mut options = Options { workers: 2, ..Options::default() };
        // The same seed makes the same ids. The seconds may differ: the clock runs until it is frozen.
        options.simulator.auto_deliver = false;
        let app = App::with(options).await;
        app.stripe().clock().freeze();
        let (payment, events) = lives(&app);
        app.stripe().clock().advance(60);
        let mut deliveries: Vec<&String> = events.iter().collect();
        deliveries.extend(events.iter().filter(|_| rng.random_bool(0.5)));
        deliveries.shuffle(&mut rng);
        for event in deliveries {
            app.deliver(event).await;
            if rng.random_bool(0.2) {
                app.drained().await;
            }
        }
        app.drained().await;
        app.is_true().await;

        let mut told = BTreeMap::<String, u32>::new();
        for row in app.db.rows("SELECT id, topic FROM quittance.outbox").await {
            *told.entry(row["topic"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        assert_eq!(told["payment.succeeded"], 1, "{told:?}");
        assert_eq!(told["payment.attempt_failed"], 2, "one for each event, history or not");
        assert_eq!(told["refund.failed"], 1, "{told:?}");
        let ledger = app.db.count("quittance.events").await;
        assert_eq!(usize::try_from(ledger).unwrap(), events.len());
        let attempts = app.db.count("quittance.attempts").await;
        assert_eq!(attempts, ledger, "a duplicate leaves no trace");
        assert_eq!(app.payment(&payment).await["amount_refunded"], 300);

        let found = rows(&app).await;
        assert_eq!(*converged.get_or_insert_with(|| found.clone()), found);
        app.stop().await;
    }
}

#[tokio::test]
async fn an_old_event_that_is_sent_again_weeks_later_changes_nothing() {
    let app = App::start().await;
    let payment = app.pays("pm_card_visa");
    app.settled().await;
    let (row, requests) = (app.payment(&payment).await, app.requests());
    app.stripe().clock().advance(21 * 24 * 3600);
    for event in app.events("") {
        app.deliver(&event).await;
    }
    app.drained().await;
    assert_eq!(app.payment(&payment).await, row);
    assert_eq!(app.requests(), requests);
    assert_eq!(app.told(&payment).await, ["payment.succeeded"]);
}

/// A thousand lives of payments, each story in its turn. That every fact was told once, and none that
/// was not so, is part of what [`App::is_true`] asks.
#[tokio::test]
async fn a_thousand_lives_in_rough_weather_come_out_right_with_each_fact_once() {
    let app = App::with(Options { workers: 2, ..Options::default() }).await;
    app.stripe().set_chaos(|chaos| {
        chaos.duplicates = 0.3;
        chaos.reorder_within = std::time::Duration::from_millis(200);
        chaos.forged = 0.1;
        chaos.old_snapshots = 0.3;
        chaos.server_errors = 0.05;
        chaos.rate_limited = 0.05;
        chaos.resets = 0.03;
        chaos.slow = 0.1;
        chaos.slow_by = std::time::Duration::from_millis(50);
        chaos.event_lag_seconds = 1;
    });
    let account = app.stripe().platform();
    let mut rng = StdRng::seed_from_u64(1);
    let mut stories = PaymentScenario::ALL.iter().cycle().take(1_000).peekable();
    while stories.peek().is_some() {
        for story in stories.by_ref().take(100) {
            run_payment_scenario(&account, *story, &mut rng, std::time::Duration::ZERO)
                .await
                .unwrap();
        }
        app.settled().await;
    }
    app.is_true().await;
    assert_eq!(app.stripe().stats().webhooks.forged_accepted, 0);
    let failed = app.events("payment_intent.payment_failed").len();
    assert!(failed > 100, "{failed}: the judge would have nothing to count");
}
