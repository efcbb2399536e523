//! The same by the command line.

use stripe_simulator::{NewCustomer, NewPayment, NewRefund};

use super::{command, fragile, parsed};
use crate::harness::app::payment_of;
use crate::harness::{App, Program};

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
    assert_eq!((code, out.as_str()), (0, "No events have been processed yet.\n"));
    let (code, out, _) = command(&app, &["events", "list", "--status", "dead"]).await;
    assert_eq!((code, out.as_str()), (0, "No events match.\n"));
    let (code, _, _) = command(&app, &["objects", "list"]).await;
    assert_eq!(code, 2, "something has to be asked for");
    let (code, _, said) = command(&app, &["objects", "list", "--kind", "unicorn"]).await;
    assert_eq!(code, 2);
    assert!(said.contains("quittance kinds"), "{said}");
    app.stop().await;
}

#[tokio::test]
async fn what_is_not_found_may_wait_in_a_paused_lane_and_that_is_said() {
    let app = App::without_workers().await;
    let asked: [&[&str]; 3] = [
        &["objects", "show", "pi_nobody"],
        &["events", "show", "evt_nobody"],
        &["objects", "list", "--customer", "cus_nobody"],
    ];
    for args in asked {
        let (_, out, said) = command(&app, args).await;
        assert!(!out.contains("lane") && !said.contains("lane"), "{args:?}: {out}{said}");
    }
    let (code, out, said) =
        command(&app, &["queue", "pause", "--lane", "live", "--reason", "x", "--as", "jane"]).await;
    assert_eq!(code, 0, "{out}{said}");
    for args in asked {
        let (_, out, said) = command(&app, args).await;
        let said = out + &said;
        assert!(said.contains("the live lane is paused since 20"), "{args:?}: {said}");
        assert!(said.contains(", by jane: events may wait there"), "{args:?}: {said}");
    }
    // The tables can be asked where Redis cannot.
    let url = app.db.url();
    let env = [("DATABASE_URL", url.as_str()), ("REDIS_URL", "redis://127.0.0.1:1")];
    let ended = Program::run(&["objects", "show", "pi_nobody"], &env).await;
    assert!(ended.code == Some(1) && !ended.stderr.contains("lane"), "{}", ended.stderr);
    let (code, ..) = command(&app, &["queue", "resume"]).await;
    assert_eq!(code, 0);
}

#[tokio::test]
async fn a_customers_list_says_how_many_of_their_dead_letters_are_open() {
    let app = fragile().await;
    let customer = app.stripe().platform().create_customer(NewCustomer::default());
    let customer = customer["id"].as_str().unwrap();
    app.settled().await;
    app.stripe().set_auto_deliver(false);
    app.makes(NewPayment { customer: Some(customer.to_owned()), ..payment_of(1000) });
    let event = app.events("payment_intent.created").remove(0);
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    app.deliver(&event).await;
    app.drained().await;
    let hint = |customer: &str| {
        format!(
            "1 open dead letter for this customer: quittance dead-letters list --customer {customer}"
        )
    };
    let list = ["objects", "list", "--customer", customer];
    let (code, out, err) = command(&app, &list).await;
    assert!(code == 0 && out.starts_with("TYPE") && out.contains(&hint(customer)), "{out}{err}");
    let (_, out, err) = command(&app, &[&list[..], &["--ids"]].concat()).await;
    assert!(out == format!("{customer}\n") && err.contains(&hint(customer)), "{out}{err}");

    app.db.execute("UPDATE quittance.dead_letters SET customer = 'cus_elsewhere'").await;
    let (_, out, err) = command(&app, &["objects", "list", "--customer", "cus_elsewhere"]).await;
    let expected = format!("No objects match.\n{}\n", hint("cus_elsewhere"));
    assert_eq!((out, err), (expected, String::new()));
    let (_, out, err) = command(&app, &list).await;
    assert!(!out.contains("dead letter") && !err.contains("dead letter"), "{out}{err}");
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
    assert!(out.contains("1 of 1 compared with Stripe; nothing was changed"), "{out}");
    assert_eq!(app.db.everything().await, before);
    assert_eq!(app.producer.depth().await.unwrap().total(), 0);

    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    let (code, out, _) = command(&app, &["dead-letters", "retry", "--all", "--dry-run"]).await;
    assert_eq!(code, 1, "a retry would fail: {out}");
    assert!(out.contains("An unknown error occurred"), "{out}");
}
