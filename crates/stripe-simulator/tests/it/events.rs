//! The events of each step, and their snapshots.

use stripe_simulator::{CaptureMethod, Kind, NewPayment, NewRefund};

use super::harness::{Api, paid_with};

fn kinds_after(api: &Api, count: usize) -> Vec<String> {
    api.event_types().split_off(count)
}

#[tokio::test]
async fn each_step_tells_what_stripe_tells() {
    let api = Api::start().await;
    let account = api.sim.platform();
    let check = |step: &str, before: usize, expected: &[&str]| {
        assert_eq!(kinds_after(&api, before), expected, "{step}");
        api.event_types().len()
    };
    let mut count = 0;

    account.create_payment(paid_with("pm_card_chargeDeclined")).unwrap_err();
    let declined = ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"];
    count = check("declined", count, &declined);

    let waiting = api.made(paid_with("pm_card_authenticationRequired"));
    let asked = ["payment_intent.created", "payment_intent.requires_action"];
    count = check("3-D Secure", count, &asked);
    account.finish_3ds(&waiting, false).unwrap();
    count = check("3-D Secure failed", count, &["payment_intent.payment_failed"]);
    account.cancel_payment(&waiting, None).unwrap();
    count = check("canceled", count, &["payment_intent.canceled"]);

    let manual = CaptureMethod::Manual;
    let held = NewPayment { capture_method: Some(manual), ..paid_with("pm_card_visa") };
    let held = api.made(held);
    let authorised =
        ["payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"];
    count = check("held", count, &authorised);
    account.capture_payment(&held, None).unwrap();
    count = check("captured", count, &["charge.captured", "payment_intent.succeeded"]);

    let debit = api.made(paid_with("pm_usBankAccount"));
    let processing = ["payment_intent.created", "charge.pending", "payment_intent.processing"];
    count = check("debit", count, &processing);
    account.settle_debit(&debit, true).unwrap();
    count = check("debit paid", count, &["charge.succeeded", "payment_intent.succeeded"]);

    let refund = NewRefund { payment_intent: Some(debit), ..NewRefund::default() };
    account.create_refund(refund).unwrap();
    check("refunded", count, &["charge.refunded", "refund.created"]);
}

#[tokio::test]
async fn a_snapshot_is_of_the_moment_of_its_event() {
    let api = Api::start().await;
    let payment = api.made(paid_with("pm_card_authenticationRequired"));
    api.sim.platform().finish_3ds(&payment, true).unwrap();
    let events = api.sim.truth(Kind::Event);
    let statuses: Vec<_> = events
        .iter()
        .filter(|event| event["data"]["object"]["object"] == "payment_intent")
        .map(|event| event["data"]["object"]["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["requires_payment_method", "requires_action", "succeeded"]);
}

#[tokio::test]
async fn an_event_says_where_it_comes_from() {
    let api = Api::start().await;
    let connected = api.sim.connected("acct_1C");
    connected.create_payment(paid_with("pm_card_visa")).unwrap();
    let event = connected.truth(Kind::Event).remove(0);
    assert_eq!(event["account"], "acct_1C");
    assert_eq!(event["object"], "event");
    assert_eq!(event["livemode"], false);
    assert_eq!(event["api_version"], "2026-09-30.endive");
    assert_eq!(event["pending_webhooks"], 0);
    assert!(event["created"].is_i64());
    assert!(event["request"]["id"].as_str().unwrap().starts_with("req_"));
    api.paid();
    let own = api.sim.platform().truth(Kind::Event).remove(0);
    assert!(own.get("account").is_none(), "{own:#}");
}

#[tokio::test]
async fn what_the_bank_does_names_no_request() {
    let api = Api::start().await;
    let payment = api.made(paid_with("pm_card_refundFail"));
    let refund = NewRefund { payment_intent: Some(payment), ..NewRefund::default() };
    let refund = api.sim.platform().create_refund(refund).unwrap();
    api.sim.platform().fail_refund(refund["id"].as_str().unwrap()).unwrap();
    let last = api.sim.truth(Kind::Event).pop().unwrap();
    assert!(last["request"]["id"].is_null());
    assert_eq!(last["data"]["previous_attributes"]["status"], "succeeded");
}

#[tokio::test]
async fn a_frozen_clock_puts_a_burst_into_one_second_and_a_lag_behind_the_answers() {
    let api = Api::start().await;
    api.sim.clock().freeze();
    let now = api.sim.clock().now();
    for _ in 0..5 {
        api.paid();
    }
    let created = |event: &serde_json::Value| event["created"].as_i64().unwrap();
    let events = api.sim.truth(Kind::Event);
    assert!(events.len() == 20 && events.iter().all(|event| created(event) == now));

    api.sim.set_chaos(|chaos| chaos.event_lag_seconds = 2);
    for _ in 0..20 {
        api.paid();
    }
    let late = api.sim.truth(Kind::Event).split_off(20);
    assert!(late.iter().all(|event| (now - 2..=now).contains(&created(event))));
    assert!(late.iter().any(|event| created(event) < now));
}

#[tokio::test]
async fn the_list_of_events_is_in_the_version_of_the_account_and_pages_towards_newer_ones() {
    let api = Api::start().await;
    for _ in 0..5 {
        api.paid();
    }
    let all = api.get("/v1/events?limit=100").await;
    let ids: Vec<String> = all.ids().into_iter().rev().map(str::to_owned).collect();
    assert!(ids.len() > 10);
    assert_eq!(all.text("/data/0/api_version"), stripe_simulator::Config::default().api_version);
    let mut seen = vec![ids[0].clone()];
    loop {
        let cursor = seen.last().unwrap();
        let page = api.get(&format!("/v1/events?limit=4&ending_before={cursor}")).await;
        // Within a page the newest is first.
        seen.extend(page.ids().into_iter().rev().map(str::to_owned));
        if page.body["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn an_event_can_be_listed_late() {
    let api = Api::start().await;
    api.sim.clock().freeze();
    api.sim.set_chaos(|chaos| chaos.events_listed_late = 1.0);
    api.paid();
    assert_eq!(api.get("/v1/events").await.ids().len(), 0);
    api.sim.clock().advance(60);
    assert!(!api.get("/v1/events").await.ids().is_empty());
}
