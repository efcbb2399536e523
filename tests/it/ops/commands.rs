//! The same by the command line.

use quittance::simulator::NewRefund;

use super::{command, fragile, parsed};
use crate::harness::App;

#[tokio::test]
async fn an_operator_finds_a_stale_payment_looks_mends_it_and_sees_who_did() {
    let app = App::start().await;
    let payment = app.pays("pm_card_visa");
    app.settled().await;
    app.stripe().set_auto_deliver(false);
    let refund = NewRefund { payment_intent: Some(payment.clone()), ..NewRefund::default() };
    app.stripe().platform().create_refund(refund).unwrap();

    let (code, out, _) = command(&app, &["events", "list", "--object", &payment, "--json"]).await;
    let listed = parsed(&out);
    assert_eq!(code, 0);
    assert!(listed["events"].as_array().unwrap().iter().all(|it| it["object_id"] == *payment));
    let event = listed["events"][0]["id"].as_str().unwrap().to_owned();
    let (code, out, _) = command(&app, &["events", "show", &event]).await;
    assert_eq!(code, 0);
    assert!(out.contains(&payment) && out.contains("attempt 1"), "{out}");
    let (code, out, _) =
        command(&app, &["objects", "list", "--kind", "payment_intent", "--ids"]).await;
    assert_eq!((code, out), (0, format!("{payment}\n")));

    let (_, out, _) = command(&app, &["objects", "show", &payment]).await;
    let charge = out.lines().find_map(|line| line.trim().strip_prefix("latest_charge")).unwrap();
    let charge = charge.trim();
    assert!(out.contains("app.payments"), "{out}");
    assert!(!out.contains("_secret_"), "{out}");
    let (code, out, _) = command(&app, &["reconcile", charge, "--dry-run"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("amount_refunded") && out.contains("2000"), "{out}");
    let (_, out, _) = command(&app, &["reconcile", charge, "--dry-run", "--json"]).await;
    assert_eq!(parsed(&out)["results"][0]["result"]["verdict"], "different");
    let reason = ["--as", "jane", "--reason", "ticket 4711"];
    let args = [&["reconcile", charge, "pi_nobody"], &reason[..]].concat();
    let (code, out, _) = command(&app, &args).await;
    assert_eq!(code, 5, "some, not all: {out}");
    assert!(out.contains(&format!("{charge}: unchanged, still succeeded")), "{out}");
    assert!(out.contains("pi_nobody: ") && out.contains("No such payment_intent"), "{out}");
    let (_, out, _) = command(&app, &["objects", "show", charge]).await;
    assert!(out.contains("object.reconcile by jane"), "{out}");
    assert_eq!(app.payment(&payment).await["amount_refunded"], 2000, "with its charge");
    app.stop().await;
}

#[tokio::test]
async fn what_is_not_known_is_said_with_what_to_try() {
    let app = App::start().await;
    let (code, _, said) = command(&app, &["objects", "show", "pi_nobody"]).await;
    assert_eq!(code, 1);
    assert!(said.contains("nothing is known of pi_nobody"), "{said}");
    assert!(said.contains("quittance reconcile pi_nobody"), "{said}");
    let (code, _, said) = command(&app, &["events", "show", "evt_nobody"]).await;
    assert_eq!(code, 1);
    assert!(said.contains("quittance events replay evt_nobody"), "{said}");
    let (code, out, _) = command(&app, &["events", "replay", "evt_nobody"]).await;
    assert_eq!(code, 1);
    assert!(out.contains("evt_nobody: Stripe has no event evt_nobody"), "{out}");
    let (code, out, _) = command(&app, &["events", "list"]).await;
    assert_eq!((code, out.as_str()), (0, "No event has come to an end yet.\n"));
    let (code, out, _) = command(&app, &["events", "list", "--status", "dead"]).await;
    assert_eq!((code, out.as_str()), (0, "No event fits.\n"));
    let (code, _, _) = command(&app, &["objects", "list"]).await;
    assert_eq!(code, 2, "something has to be asked for");
    let (code, _, said) = command(&app, &["objects", "list", "--kind", "unicorn"]).await;
    assert_eq!(code, 2);
    assert!(said.contains("quittance kinds"), "{said}");
    app.stop().await;
}

#[tokio::test]
async fn a_dry_run_of_a_retry_shows_row_and_truth_and_changes_nothing() {
    let app = fragile().await;
    app.stripe().set_auto_deliver(false);
    let payment = app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").remove(0);
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    app.deliver(&event).await;
    app.drained().await;
    app.stripe().set_chaos(|chaos| chaos.server_errors = 0.0);
    let (_, out, _) = command(&app, &["dead-letters", "list", "--ids"]).await;
    let (code, out, err) = command(&app, &["dead-letters", "show", out.trim()]).await;
    assert_eq!(code, 0, "{out}{err}");
    for said in
        ["open: payment_intent.succeeded", &payment, "https://dashboard.stripe.com/", "req_"]
    {
        assert!(out.contains(said), "no {said} in {out}");
    }
    assert!(!out.contains("amount"), "not the payload, unless it is asked for: {out}");
    let before = app.db.everything().await;

    let (code, out, err) = command(&app, &["dead-letters", "retry", "--all", "--dry-run"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains(&payment) && out.contains("there is no row yet"), "{out}");
    assert!(out.contains("1 of 1 looked at; nothing was changed"), "{out}");
    assert_eq!(app.db.everything().await, before);
    assert_eq!(app.producer.depth().await.unwrap().total(), 0);

    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    let (code, out, _) = command(&app, &["dead-letters", "retry", "--all", "--dry-run"]).await;
    assert_eq!(code, 1, "a retry would fail: {out}");
    assert!(out.contains("An unknown error occurred"), "{out}");
}
