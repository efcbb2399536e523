//! What is read: all that can be listed, each object once, whatever stands in the way of another one.

use quittance::backfill::report;
use quittance::store::operation::{OperationState, Selection};
use serde_json::json;
use stripe_simulator::{Fault, FaultKind, Kind, ScriptedAnswer};

use super::{
    AT_ONCE, backfill, backfilled, begin, differences, lives, of_each, quiet, read, request, run,
};
use crate::harness::eventually;

const LIST_CHARGES: &str = "GET /v1/charges";

#[tokio::test]
async fn all_that_stripe_lists_gets_a_row_and_nothing_is_published() {
    let app = quiet(0, AT_ONCE).await;
    of_each(&app);
    lives(&app, 30, 1).await;
    super::until_now(&app);
    let operation = backfilled(&app, &[], "all").await;
    assert_eq!((operation.state, operation.failed), (OperationState::Done, 0), "{operation:?}");
    assert_eq!(differences(&app).await, [] as [String; 0]);
    assert_eq!(app.db.count("quittance.outbox").await, 0, "history is not news");
    for (table, hidden) in [
        ("app.subscriptions WHERE status = 'canceled'", 1),
        ("app.prices WHERE NOT active", 1),
        ("app.products WHERE NOT active", 1),
    ] {
        assert_eq!(app.db.count(table).await, hidden, "{table}");
    }
    assert!(app.db.count("app.payment_methods").await > 0, "by customer");

    // Once more: what is the same is left alone.
    let versions = app.db.number("SELECT sum(version)::bigint FROM quittance.objects").await;
    let before = app.requests();
    let again = backfilled(&app, &[], "all").await;
    assert_eq!((again.total, again.failed), (operation.total, 0));
    assert_eq!(app.db.number("SELECT sum(version)::bigint FROM quittance.objects").await, versions);
    let customers = app.db.count("app.customers WHERE NOT deleted").await;
    let most = 400 + 5 * u64::try_from(customers).unwrap();
    assert!(app.requests() - before < most, "{} requests", app.requests() - before);
}

#[tokio::test]
async fn a_row_that_differs_is_read_by_itself_and_one_that_is_deleted_stays_so() {
    let app = quiet(0, AT_ONCE).await;
    lives(&app, 5, 2).await;
    backfilled(&app, &["charge"], "own").await;
    app.db
        .execute(
            "UPDATE quittance.objects SET data = data || '{\"description\": \"other\"}',
                    observed_at = observed_at - interval '1 day'
             WHERE ctid = (SELECT min(ctid) FROM quittance.objects WHERE kind = 'charge')",
        )
        .await;
    let before = app.stripe().stats().requests_to(Some("GET /v1/charges/{id}"));
    let again = backfilled(&app, &["charge"], "own").await;
    assert_eq!(read(&app, &again, "charge").await.renewed, 1);
    assert_eq!(app.stripe().stats().requests_to(Some("GET /v1/charges/{id}")) - before, 1);
    app.db.execute("UPDATE quittance.objects SET deleted = true").await;
    let third = backfilled(&app, &["charge"], "own").await;
    assert_eq!(read(&app, &third, "charge").await.renewed, 0);
    assert_eq!(app.db.count("quittance.objects WHERE NOT deleted").await, 0);
}

#[tokio::test]
async fn a_list_is_read_in_ranges_side_by_side_and_each_object_once() {
    let app = quiet(0, AT_ONCE).await;
    lives(&app, 450, 3).await;
    super::until_now(&app);
    let operation = backfilled(&app, &["payment_intent"], "own").await;
    let payments = i64::try_from(app.stripe().truth(Kind::PaymentIntent).len()).unwrap();
    let ranges = app.db.count("quittance.backfill_ranges").await;
    assert!(ranges > 2, "it was cut: {ranges}");
    assert_eq!((operation.total, operation.done), (payments, payments));
    assert_eq!(app.db.count("app.payments").await, payments);
    let kind = read(&app, &operation, "payment_intent").await;
    assert_eq!((kind.seen, kind.added, kind.waiting), (payments, payments, 0));
}

#[tokio::test]
async fn an_empty_account_is_read_to_its_end() {
    let app = quiet(0, AT_ONCE).await;
    let operation = backfilled(&app, &[], "own").await;
    assert_eq!((operation.state, operation.total), (OperationState::Done, 0));
    assert_eq!(app.db.count("quittance.objects").await, 0);
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_reported_and_stops_none_of_the_others() {
    let app = quiet(0, AT_ONCE).await;
    lives(&app, 12, 4).await;
    let mut page = app.stripe().truth(Kind::Charge);
    let bad = page[1]["id"].as_str().unwrap().to_owned();
    page[1]["amount"] = json!("much");
    let good = i64::try_from(page.len() - 1).unwrap();
    let list = json!({"object": "list", "data": page, "has_more": false, "url": "/v1/charges"});
    let answer = FaultKind::Answer(ScriptedAnswer::json(200, &list));
    app.stripe().add_fault(Fault::once(LIST_CHARGES, answer));
    let operation = backfilled(&app, &["charge", "refund"], "own").await;
    assert_eq!((operation.state, operation.failed), (OperationState::Done, 1), "{operation:?}");
    assert_eq!(app.db.count("app.charges").await, good);
    let Selection::Backfill(selection) = &operation.selection else { panic!("a backfill") };
    let report = report(&app.db.store, operation.id, selection).await.unwrap();
    assert_eq!(report.faults.len(), 1, "{report:?}");
    assert_eq!(report.faults[0].object_id, bad);
    assert_eq!(report.faults[0].code, "stripe_undecodable");
    assert!(!report.faults[0].message.contains("much"), "{report:?}");
}

#[tokio::test]
async fn a_kind_that_the_key_may_not_read_is_reported_and_the_others_go_on() {
    let app = quiet(0, AT_ONCE).await;
    lives(&app, 8, 5).await;
    let body = json!({"error": {"type": "invalid_request_error", "message": "no permission"}});
    let answer = FaultKind::Answer(ScriptedAnswer::json(403, &body));
    app.stripe().add_fault(Fault::always("GET /v1/refunds", answer));
    let operation = backfilled(&app, &["refund", "charge"], "own").await;
    assert_eq!((operation.state, operation.failed), (OperationState::Done, 1));
    let refunds = read(&app, &operation, "refund").await;
    assert_eq!((refunds.failed, refunds.seen), (1, 0));
    assert!(refunds.error.unwrap().contains("no permission"));
    assert!(read(&app, &operation, "charge").await.added > 0);
}

#[tokio::test]
async fn an_outage_of_stripe_costs_time_and_nothing_else() {
    let app = quiet(0, AT_ONCE).await;
    lives(&app, 8, 6).await;
    app.stripe().set_chaos(|chaos| chaos.down = true);
    let running = begin(&app, &request(&["charge"], "own")).await;
    let (one, mut up) = (backfill(&app), false);
    let stop = tokio_util::sync::CancellationToken::new();
    let stripe = app.stripe();
    let progress = |_: &_| {
        // With the second heartbeat, when it has met the outage.
        if std::mem::replace(&mut up, true) {
            stripe.set_chaos(|chaos| chaos.down = false);
        }
    };
    let done = crate::harness::within("its end", one.run(running, progress, &stop)).await.unwrap();
    assert_eq!((done.state, done.failed), (OperationState::Done, 0));
    assert_eq!(differences_of(&app, "app.charges").await, [] as [String; 0]);
}

async fn differences_of(app: &crate::harness::App, table: &str) -> Vec<String> {
    let all = differences(app).await;
    all.into_iter().filter(|it| it.contains(table)).collect()
}

#[tokio::test]
async fn what_becomes_listable_late_is_read_again_after_it_has() {
    const LATE: &[(&str, &str)] =
        &[("QUITTANCE__BACKFILL__LATE_LISTING", "3s"), ("QUITTANCE__BACKFILL__SHARE", "1.0")];
    let app = quiet(0, LATE).await;
    super::until_now(&app);
    app.stripe().set_chaos(|chaos| chaos.list_lag_seconds = 2);
    app.pays("pm_card_visa");
    let operation = backfilled(&app, &["payment_intent", "charge"], "own").await;
    assert_eq!(operation.state, OperationState::Done);
    assert_eq!((app.db.count("app.payments").await, app.db.count("app.charges").await), (1, 1));
}

#[tokio::test]
async fn an_entry_to_go_on_after_that_is_deleted_meanwhile_loses_no_other() {
    let app = quiet(0, AT_ONCE).await;
    let stripe = app.stripe().platform();
    for _ in 0..150 {
        stripe.create_customer(stripe_simulator::NewCustomer::default());
        app.stripe().clock().advance(60);
    }
    let customers = super::ids(&app.stripe().truth(Kind::Customer));
    // The second page of the list: after the entry that is the hundredth from the end.
    let fault =
        Fault { times: Some(2), ..Fault::always("GET /v1/customers", FaultKind::HoldBefore) };
    app.stripe().add_fault(fault);
    let running = begin(&app, &request(&["customer"], "own")).await;
    let run = tokio::spawn({
        let one = backfill(&app);
        async move { one.run(running, |_| {}, &tokio_util::sync::CancellationToken::new()).await }
    });
    let first = app.stripe().next_held().await;
    assert!(!first.query.contains("starting_after"), "{}", first.query);
    first.proceed();
    let mut second = app.stripe().next_held().await;
    if !second.query.contains("starting_after") {
        // The older half of the range, in another slot.
        second.proceed();
        eventually("the second page", async || app.db.count("app.customers").await >= 100).await;
        second = app.stripe().next_held().await;
    }
    stripe.delete_customer(&customers[50]).unwrap();
    second.proceed();
    let done = run.await.unwrap().unwrap();
    assert_eq!((done.state, done.failed), (OperationState::Done, 0));
    let alive =
        app.stripe().truth(Kind::Customer).iter().filter(|it| it["deleted"] != true).count();
    let rows = app.db.count("app.customers WHERE NOT deleted").await;
    assert!(rows >= i64::try_from(alive).unwrap(), "{rows} of {alive}");
}

#[tokio::test]
async fn a_dry_run_counts_and_writes_nothing() {
    let app = quiet(0, AT_ONCE).await;
    of_each(&app);
    lives(&app, 10, 7).await;
    backfilled(&app, &["refund", "customer"], "own").await;
    let (objects, operations) =
        (app.db.count("quittance.objects").await, app.db.count("quittance.operations").await);
    let counted = backfill(&app).count(&request(&[], "own"), |_| {}).await.unwrap();
    assert_eq!(app.db.count("quittance.objects").await, objects);
    assert_eq!(app.db.count("quittance.operations").await, operations);
    assert_eq!(app.db.count("quittance.outbox").await, 0);
    let of = |kind: &str| counted.iter().find(|it| it.kind == kind).unwrap();
    let charges = i64::try_from(app.stripe().truth(Kind::Charge).len()).unwrap();
    assert_eq!((of("charge").listed, of("charge").missing), (charges, charges));
    assert_eq!((of("refund").missing, of("refund").differ), (0, 0));
    assert!(of("payment_method").missing > 0, "of the customers that have a row");
    assert_eq!(of("subscription").listed, 2);
}

#[tokio::test]
async fn only_what_was_created_in_the_range_is_read() {
    let app = quiet(0, AT_ONCE).await;
    let mut days = Vec::new();
    for _ in 0..3 {
        app.pays("pm_card_visa");
        days.push(app.stripe().clock().now());
        app.stripe().clock().advance(86_400);
    }
    let day = |n: usize| Some(time::OffsetDateTime::from_unix_timestamp(days[n] - 5).unwrap());
    let wanted = quittance::backfill::BackfillRequest {
        since: day(1),
        until: day(2),
        ..request(&["payment_intent"], "own")
    };
    let running = begin(&app, &wanted).await;
    let operation = run(&app, running).await;
    assert_eq!(operation.total, 1);
}
