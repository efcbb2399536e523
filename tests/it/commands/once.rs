//! A command acts once: repeated, raced, and told by a webhook as well.

use std::time::Duration;

use futures_util::future::join_all;
use quittance::commands::Caller;
use quittance::domain::command::command_params::CommandParams;
use quittance::domain::command::{CommandKind, CommandState};
use quittance::store::command::{Acceptance, NewCommand, StoredCommand, TurnEnd};
use serde_json::json;
use stripe_simulator::{Fault, FaultKind, Kind};
use uuid::Uuid;

use super::app::{ApiApp, payment, post, saved};
use crate::harness::{eventually, within};

#[tokio::test]
async fn a_payment_is_answered_with_its_secret_when_its_row_is_there() {
    let api = ApiApp::start().await;
    api.app.stripe().set_auto_deliver(false);
    let reply = api.pay("order-1", json!({"metadata": {"order": "1"}})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let row = api.app.payment(reply.id()).await;
    assert_eq!((&row["status"], &row["amount"]), (&json!("requires_payment_method"), &json!(2000)));
    assert_eq!(row["metadata"]["order"], "1");
    let at_stripe = &api.at_stripe(Kind::PaymentIntent)[0];
    assert_eq!(reply.body["client_secret"], at_stripe["client_secret"]);
    assert_eq!(at_stripe["metadata"]["quittance_command"], reply.body["command"]);
    let secret = reply.body["client_secret"].as_str().unwrap();
    assert!(!api.app.db.everything().await.contains(secret), "no secret is stored");
    let shown = api.get(&format!("/v1/payment_intents/{}", reply.id())).await;
    assert_eq!((shown.status, &shown.body["status"]), (200, &json!("requires_payment_method")));
    let by_row = format!("/v1/payment_intents/{}", row["id"].as_str().unwrap());
    assert_eq!(api.get(&by_row).await.id(), reply.id());
    api.app.stripe().release();
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_and_says_so() {
    let api = ApiApp::start().await;
    let first = api.pay("order-1", json!({})).await;
    let again = api.pay("order-1", json!({})).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 1);

    let other = api.pay("order-1", json!({"amount": 2001})).await;
    assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
    let headers = [("content-type", "application/json")];
    let body = payment(json!({})).to_string();
    let none = api.send("POST", "/v1/payment_intents", &headers, body).await;
    assert_eq!((none.status, none.code()), (400, "idempotency_key_missing"));
    let secret = api.pay("pi_1_secret_2", json!({})).await;
    assert_eq!((secret.status, secret.code()), (400, "idempotency_key_secret"));
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 1);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn the_same_key_ten_times_at_once_makes_one_payment() {
    let api = ApiApp::start().await;
    let address = api.address;
    let ten = async || {
        let one = || post(address, "/v1/payment_intents", "order-1", payment(json!({})));
        within("ten answers", join_all((0..10).map(|_| one()))).await
    };
    for reply in ten().await {
        match reply.status {
            200 => {}
            202 | 409 => assert_eq!(reply.header("retry-after"), Some("1"), "{reply:?}"),
            _ => panic!("{reply:?}"),
        }
    }
    // On a loaded machine even the first may have stopped waiting; another turn then ends its command.
    api.time_passes().await;
    api.finish().await;
    let all = ten().await;
    for reply in &all {
        assert_eq!((reply.status, &reply.body), (200, &all[0].body), "{reply:?}");
    }
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 1);
    assert_eq!(api.app.db.count("quittance.commands").await, 1);
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn a_webhook_before_the_answer_and_one_after_it_notify_once() {
    for webhook_first in [true, false] {
        let api = ApiApp::start().await;
        let stripe = api.app.stripe();
        stripe.set_auto_deliver(webhook_first);
        stripe.add_fault(Fault::once("POST /v1/payment_intents", FaultKind::HoldAfter));
        let address = api.address;
        let body = payment(saved("pm_card_visa"));
        let asking =
            tokio::spawn(
                async move { post(address, "/v1/payment_intents", "order-1", body).await },
            );
        let held = within("the request", stripe.next_held()).await;
        if webhook_first {
            api.app.settled().await;
        }
        held.proceed();
        let reply = within("the answer", asking).await.unwrap();
        assert_eq!((reply.status, &reply.body["status"]), (200, &json!("succeeded")), "{reply:?}");
        stripe.set_auto_deliver(true);
        stripe.release();
        api.app.settled().await;
        let told = api.app.told(reply.id()).await;
        assert_eq!(told, ["payment.succeeded"], "webhook first: {webhook_first}");
        assert_eq!(api.app.db.count("app.payments").await, 1);
        api.app.is_true().await;
        api.stop().await;
    }
}

#[tokio::test]
async fn a_payment_is_confirmed_captured_and_cancelled_by_commands() {
    let api = ApiApp::start().await;
    let made = api.pay("order-0", json!({})).await;
    let open = format!("/v1/payment_intents/{}/confirm", made.id());
    let redirected = api.post(&open, "confirm-0", json!({"payment_method": "pm_card_visa"})).await;
    assert_eq!((redirected.status, redirected.code()), (400, "return_url_required"));
    let never = json!({"enabled": true, "allow_redirects": "never"});
    let new = json!({"capture_method": "manual", "automatic_payment_methods": never});
    let made = api.pay("order-1", new).await;
    let path = |verb: &str| format!("/v1/payment_intents/{}/{verb}", made.id());
    let early = api.post(&path("capture"), "capture-1", json!({})).await;
    assert_eq!((early.status, early.code()), (409, "status_forbids"));
    let confirm = json!({"payment_method": "pm_card_visa", "off_session": true});
    let confirmed = api.post(&path("confirm"), "confirm-1", confirm).await;
    assert_eq!(confirmed.body["status"], "requires_capture", "{confirmed:?}");
    let much = api.post(&path("capture"), "capture-2", json!({"amount_to_capture": 2001})).await;
    assert_eq!((much.status, much.code()), (422, "capture_exceeds_capturable"));
    let part = json!({"amount_to_capture": 1500});
    let captured = api.post(&path("capture"), "capture-3", part).await;
    assert_eq!((captured.status, &captured.body["amount_received"]), (200, &json!(1500)));
    let late = api.post(&path("cancel"), "cancel-1", json!({})).await;
    assert_eq!((late.status, late.code()), (409, "status_forbids"));

    let other = api.pay("order-2", json!({})).await;
    let path = format!("/v1/payment_intents/{}/cancel", other.id());
    let reason = json!({"cancellation_reason": "abandoned"});
    let cancelled = api.post(&path, "cancel-2", reason).await;
    assert_eq!((cancelled.status, &cancelled.body["status"]), (200, &json!("canceled")));
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn a_capture_and_a_cancellation_at_once_end_as_one_of_them() {
    let api = ApiApp::start().await;
    let mut new = saved("pm_card_visa");
    new["capture_method"] = json!("manual");
    let made = api.pay("order-1", new).await;
    let path = |verb: &str| format!("/v1/payment_intents/{}/{verb}", made.id());
    let (capture, cancel) = (path("capture"), path("cancel"));
    let (captured, cancelled) =
        tokio::join!(api.post(&capture, "a", json!({})), api.post(&cancel, "b", json!({})));
    let done = [captured.status, cancelled.status].iter().filter(|status| **status == 200).count();
    assert_eq!(done, 1, "{captured:?} {cancelled:?}");
    let late = if captured.status == 200 { &cancelled } else { &captured };
    assert_eq!((late.status, late.code()), (409, "status_forbids"), "{late:?}");
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn a_declined_card_is_final_for_its_key_and_leaves_its_payment() {
    let api = ApiApp::start().await;
    for (card, code, decline) in [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", "insufficient_funds"),
    ] {
        let reply = api.pay(card, saved(card)).await;
        assert_eq!((reply.status, reply.code()), (402, code), "{reply:?}");
        assert_eq!(reply.body["decline_code"], decline);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        let payment = reply.body["payment_intent"].as_str().unwrap();
        let row = api.app.payment(payment).await;
        assert_eq!(row["status"], "requires_payment_method");
        let before = api.app.stripe().stats().requests_to(Some("POST /v1/payment_intents"));
        let again = api.pay(card, saved(card)).await;
        assert_eq!((again.status, &again.body), (402, &reply.body));
        let after = api.app.stripe().stats().requests_to(Some("POST /v1/payment_intents"));
        assert_eq!(before, after, "Stripe is not asked again");
    }
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn a_customer_who_is_away_is_brought_back_by_what_the_refusal_carries() {
    let api = ApiApp::start().await;
    let mut new = saved("pm_card_authenticationRequired");
    new["off_session"] = json!(true);
    let reply = api.pay("renewal-1", new).await;
    assert_eq!((reply.status, reply.code()), (402, "authentication_required"), "{reply:?}");
    let at_stripe = &api.at_stripe(Kind::PaymentIntent)[0];
    assert_eq!(reply.body["client_secret"], at_stripe["client_secret"]);
    assert_eq!(reply.body["payment_intent"], at_stripe["id"]);
    let stored = api.app.db.everything().await;
    assert!(!stored.contains(at_stripe["client_secret"].as_str().unwrap()));
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_stops_no_command() {
    let api = ApiApp::start().await;
    let params = CommandParams::read(CommandKind::CreatePayment, payment(json!({}))).unwrap();
    let caller = Caller::unlimited("local");
    {
        let submit = api.commands.submit(&caller, "order-1", None, params);
        tokio::pin!(submit);
        assert!(futures_util::poll!(submit).is_pending());
    }
    let closed = async || api.stored().await.iter().any(|command| command["state"] == "done");
    eventually("the command of a client that is gone is done", closed).await;
    let reply = api.pay("order-1", json!({})).await;
    assert_eq!((reply.status, reply.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 1);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn a_command_that_is_written_with_a_turn_is_left_alone_while_its_lease_lasts() {
    let api = ApiApp::start().await;
    let store = api.commands.store();
    let params = CommandParams::read(CommandKind::CreatePayment, payment(json!({}))).unwrap();
    let lease = Duration::from_secs(30);
    let new = NewCommand {
        id: Uuid::now_v7(),
        caller: "local",
        key: "order-1",
        fingerprint: "of this request",
        livemode: false,
        target: None,
        params: &params,
        amount: Some(2000),
        currency: None,
        stripe_key: "a key of ours",
        daily: None,
        grace: Duration::ZERO,
        actor: None,
        lease: Some(lease),
    };
    let Acceptance::Taken(turn) = store.accept_command(&new).await.unwrap() else {
        panic!("it was not taken")
    };
    // The turn's command is what a reader of the row sees, but for the moment of reading.
    let row = store.command(new.id).await.unwrap().unwrap();
    let StoredCommand { age, sent_ago, last_sent_ago, .. } = row;
    assert_eq!(StoredCommand { age, sent_ago, last_sent_ago, ..turn.command.clone() }, row);

    assert_eq!(store.take_command(new.id, lease).await.unwrap(), None);
    assert_eq!(api.another_process().finish_due().await, 0);
    let again = NewCommand { id: Uuid::now_v7(), stripe_key: "another", ..new.clone() };
    assert_eq!(store.accept_command(&again).await.unwrap(), Acceptance::Existing(new.id));

    let (failure, again_after) = ("stripe_unreachable".to_owned(), Duration::ZERO);
    let end = TurnEnd::NotSent { failure, detail: String::new(), again_after };
    store.end_turn(turn.end(&end, None)).await.unwrap();
    let next = store.take_command(new.id, lease).await.unwrap().unwrap();
    assert_eq!((next.command.attempts, next.sent_before), (2, None));
    store.end_turn(turn.end(&end, None)).await.unwrap();
    let row = store.command(new.id).await.unwrap().unwrap();
    assert_eq!(row.state, CommandState::Sent, "a turn that is over ends no other");
    api.stop().await;
}
