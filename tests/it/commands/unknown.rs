//! An unknown outcome is not a failure: a process finds out what became of the command, and never makes it
//! twice.

use nix::sys::signal::Signal;
use quittance::commands::Caller;
use quittance::domain::command::CommandKind;
use quittance::domain::command::command_params::CommandParams;
use serde_json::json;
use stripe_simulator::{Confirm, Fault, FaultKind, Kind};

use super::app::{ApiApp, payment, post, saved};
use crate::harness::{Program, within};

const CREATE: &str = "POST /v1/payment_intents";

/// Unknown for the client, and then one payment and the same answer for each repetition.
async fn ends_as_one_payment(api: &ApiApp, key: &str) {
    api.time_passes().await;
    api.finish().await;
    let commands = api.stored().await;
    assert_eq!(commands[0]["state"], "done", "{commands:?}");
    let reply = api.pay(key, json!({})).await;
    assert_eq!((reply.status, reply.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(api.pay(key, json!({})).await.body, reply.body);
    let at_stripe = api.at_stripe(Kind::PaymentIntent);
    assert_eq!(at_stripe.len(), 1, "{at_stripe:?}");
    assert_eq!(reply.body["id"], at_stripe[0]["id"]);
    assert_eq!(reply.body["client_secret"], at_stripe[0]["client_secret"]);
    api.app.settled().await;
    api.app.is_true().await;
}

#[tokio::test]
async fn whatever_breaks_on_the_way_there_is_one_payment() {
    for fault in [
        FaultKind::ResetBefore,
        FaultKind::ResetAfter,
        FaultKind::TimeoutBefore,
        FaultKind::TimeoutAfter,
        FaultKind::Unavailable,
        FaultKind::KeyInUse,
    ] {
        let api = ApiApp::with(&[("QUITTANCE__STRIPE__TIMEOUT", "700ms")]).await;
        api.app.stripe().add_fault(Fault::once(CREATE, fault.clone()));
        let reply = api.pay("order-1", json!({})).await;
        assert_eq!(reply.status, 202, "{fault:?}: {reply:?}");
        let url = reply.header("location").unwrap().to_owned();
        let state = api.get(&url).await.body["state"].clone();
        assert_eq!(state, "unknown", "{fault:?}");
        let again = api.pay("order-1", json!({})).await;
        assert_eq!(again.status, 202, "{fault:?}: {again:?}");
        ends_as_one_payment(&api, "order-1").await;
        api.stop().await;
    }
}

#[tokio::test]
async fn a_command_that_cannot_be_read_back_is_answered_as_it_was_accepted() {
    let api = ApiApp::start().await;
    api.app.stripe().add_fault(Fault::once(CREATE, FaultKind::HoldAfter));
    let address = api.address;
    let asked = tokio::spawn(post(address, "/v1/payment_intents", "order-1", payment(json!({}))));
    let held = within("the request", api.app.stripe().next_held()).await;
    api.app.db.execute("ALTER TABLE quittance.commands RENAME TO out_of_reach").await;
    held.proceed();
    let reply = within("the answer", asked).await.unwrap();
    api.app.db.execute("ALTER TABLE quittance.out_of_reach RENAME TO commands").await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let command = api.get(reply.header("location").unwrap()).await.body;
    assert_eq!((&reply.body["state"], &command["state"]), (&json!("unknown"), &json!("sent")));
    // All that a client reads of a command is there, as the document says.
    let fields =
        |body: &serde_json::Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&reply.body), fields(&command));
    for name in ["id", "kind", "caller", "idempotency_key", "created_at"] {
        assert_eq!(reply.body[name], command[name], "{name}");
    }
    ends_as_one_payment(&api, "order-1").await;
    api.stop().await;
}

#[tokio::test]
async fn a_stored_500_is_looked_up_by_what_the_webhook_brought() {
    let api = ApiApp::start().await;
    api.app.stripe().add_fault(Fault::once(CREATE, FaultKind::ErrorAfter));
    assert_eq!(api.pay("order-1", json!({})).await.status, 202);
    api.app.settled().await;
    // The same key: Stripe repeats its 500.
    api.time_passes().await;
    api.commands.finish_due().await;
    assert_eq!(api.stored().await[0]["lookup"], true);
    ends_as_one_payment(&api, "order-1").await;
    assert_eq!(api.app.stripe().stats().requests_to(Some(CREATE)), 2, "no third create");
    api.stop().await;
}

#[tokio::test]
async fn a_stored_500_is_looked_up_in_the_list_where_no_webhook_comes() {
    let api = ApiApp::start().await;
    api.app.stripe().set_auto_deliver(false);
    api.app.stripe().add_fault(Fault::once(CREATE, FaultKind::ErrorAfter));
    assert_eq!(api.pay("order-1", json!({})).await.status, 202);
    api.time_passes().await;
    api.commands.finish_due().await;
    // The lists may lag.
    api.time_passes().await;
    api.commands.finish_due().await;
    let waiting = api.stored().await.remove(0);
    assert_eq!(
        (&waiting["state"], &waiting["failure"]),
        (&json!("unknown"), &json!("waits_for_lists"))
    );
    api.app
        .db
        .execute("UPDATE quittance.commands SET last_sent_at = now() - interval '6 min'")
        .await;
    api.time_passes().await;
    api.finish().await;
    api.app.stripe().set_auto_deliver(true);
    api.app.stripe().release();
    ends_as_one_payment(&api, "order-1").await;
    assert_eq!(api.app.stripe().stats().requests_to(Some(CREATE)), 2, "no third create");
    api.stop().await;
}

#[tokio::test]
async fn what_is_proved_absent_is_sent_anew_with_another_key() {
    let api = ApiApp::start().await;
    api.app.stripe().add_fault(Fault::once(CREATE, FaultKind::ErrorBefore));
    assert_eq!(api.pay("order-1", json!({})).await.status, 202);
    let key = api.stored().await[0]["stripe_key"].clone();
    api.time_passes().await;
    api.commands.finish_due().await;
    assert_eq!(api.stored().await[0]["lookup"], true);
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 0);
    api.app
        .db
        .execute("UPDATE quittance.commands SET last_sent_at = now() - interval '6 min'")
        .await;
    ends_as_one_payment(&api, "order-1").await;
    assert_ne!(api.stored().await[0]["stripe_key"], key);
    api.stop().await;
}

/// A day and an hour go by, and Stripe forgets its keys.
async fn a_day_passes(api: &ApiApp) {
    api.app.stripe().set_chaos(|chaos| chaos.keys_kept_seconds = 24 * 3600);
    api.app.stripe().clock().advance(25 * 3600);
    let a_day = "UPDATE quittance.commands SET sent_at = sent_at - interval '25 h',
                                               last_sent_at = last_sent_at - interval '25 h'";
    api.app.db.execute(a_day).await;
}

/// The key is not sent again; and what is in no list by now was never made.
async fn is_looked_up_in_lists_that_are_up_to_date(api: &ApiApp) {
    api.time_passes().await;
    api.commands.finish_due().await;
    assert_eq!(api.stored().await[0]["failure"], "waits_for_lists");
    let earlier = "UPDATE quittance.commands SET last_sent_at = last_sent_at - interval '6 min'";
    api.app.db.execute(earlier).await;
}

#[tokio::test]
async fn a_command_that_is_older_than_stripe_keeps_keys_is_looked_up() {
    for webhook in [true, false] {
        let api = ApiApp::with(&[("QUITTANCE__STRIPE__TIMEOUT", "700ms")]).await;
        api.app.stripe().set_auto_deliver(webhook);
        api.app.stripe().add_fault(Fault::once(CREATE, FaultKind::TimeoutAfter));
        assert_eq!(api.pay("order-1", json!({})).await.status, 202);
        if webhook {
            api.app.settled().await;
        }
        a_day_passes(&api).await;
        if !webhook {
            is_looked_up_in_lists_that_are_up_to_date(&api).await;
        }
        api.time_passes().await;
        api.finish().await;
        api.app.stripe().set_auto_deliver(true);
        api.app.stripe().release();
        ends_as_one_payment(&api, "order-1").await;
        assert_eq!(api.app.stripe().stats().requests_to(Some(CREATE)), 1, "webhook: {webhook}");
        api.stop().await;
    }
}

#[tokio::test]
async fn after_a_day_a_command_is_sent_anew_only_when_no_list_has_it() {
    let api = ApiApp::with(&[("QUITTANCE__STRIPE__TIMEOUT", "700ms")]).await;
    api.app.stripe().add_fault(Fault::once(CREATE, FaultKind::TimeoutBefore));
    assert_eq!(api.pay("order-1", json!({})).await.status, 202);
    let key = api.stored().await[0]["stripe_key"].clone();
    a_day_passes(&api).await;
    is_looked_up_in_lists_that_are_up_to_date(&api).await;
    ends_as_one_payment(&api, "order-1").await;
    assert_ne!(api.stored().await[0]["stripe_key"], key, "with a key of its own");
    let stats = api.app.stripe().stats();
    assert_eq!(stats.requests_to(Some("GET /v1/payment_intents")), 1, "the list was read first");
    api.stop().await;
}

#[tokio::test]
async fn a_command_whose_process_died_before_it_was_sent_is_sent_by_another() {
    let api = ApiApp::start().await;
    let params = CommandParams::read(CommandKind::CreatePayment, payment(json!({}))).unwrap();
    let caller = Caller::unlimited("local");
    api.commands.accept(&caller, "order-1", None, &params).await.unwrap().unwrap();
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 0);
    assert_eq!(api.another_process().finish_due().await, 0, "its own process has a moment");
    ends_as_one_payment(&api, "order-1").await;
    api.stop().await;
}

#[tokio::test]
async fn a_command_whose_process_died_while_it_was_sent_is_finished_by_another() {
    let api = ApiApp::start().await;
    let stripe = api.app.stripe();
    let (database, redis) = (api.app.db.url(), crate::harness::redis_url());
    let settings = &api.app.settings;
    let address = free_address().await;
    let listen = address.to_string();
    let mut program = Program::start(
        &["api"],
        &[
            ("DATABASE_URL", database.as_str()),
            ("REDIS_URL", redis.as_str()),
            ("QUITTANCE__QUEUE__NAME", settings.queue.name.as_str()),
            ("STRIPE_API_BASE", stripe.base_url()),
            ("STRIPE_SECRET_KEY", stripe.secret_key()),
            ("QUITTANCE__API__LISTEN", listen.as_str()),
        ],
    );
    program.says("taking commands").await;
    stripe.add_fault(Fault::once(CREATE, FaultKind::HoldAfter));
    let asking = tokio::spawn(async move {
        let headers = [("idempotency-key", "order-1"), ("content-type", "application/json")];
        let client =
            hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
                .build_http::<http_body_util::Full<bytes::Bytes>>();
        let mut request = hyper::Request::post(format!("http://{address}/v1/payment_intents"));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body = payment(json!({})).to_string();
        client.request(request.body(http_body_util::Full::from(body)).unwrap()).await
    });
    let held = within("the request", stripe.next_held()).await;
    program.signal(Signal::SIGKILL);
    program.ended().await;
    drop(held);
    assert!(within("the client", asking).await.unwrap().is_err(), "the client got no answer");
    let stored = api.stored().await.remove(0);
    assert_eq!(stored["state"], "sent");
    let early = api.pay("order-1", json!({})).await;
    assert_eq!((early.status, early.code()), (409, "command_in_progress"), "a lease runs");
    ends_as_one_payment(&api, "order-1").await;
    api.stop().await;
}

async fn free_address() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn a_repeated_answer_is_old_and_is_not_taken_for_the_present() {
    let api = ApiApp::with(&[("QUITTANCE__STRIPE__TIMEOUT", "700ms")]).await;
    let stripe = api.app.stripe();
    stripe.set_auto_deliver(false);
    stripe.add_fault(Fault::once(CREATE, FaultKind::TimeoutAfter));
    assert_eq!(api.pay("order-1", json!({})).await.status, 202);
    // The customer pays meanwhile, and its webhooks are late.
    let id = api.at_stripe(Kind::PaymentIntent)[0]["id"].as_str().unwrap().to_owned();
    let confirm = Confirm {
        payment_method: Some("pm_card_visa".to_owned()),
        return_url: Some("https://shop.example".to_owned()),
        ..Confirm::default()
    };
    stripe.platform().confirm_payment(&id, confirm).unwrap();
    stripe.clock().advance(60);
    api.time_passes().await;
    api.finish().await;
    assert_eq!(api.app.payment(&id).await["status"], "succeeded");
    let reply = api.pay("order-1", json!({})).await;
    assert_eq!((reply.status, &reply.body["status"]), (200, &json!("succeeded")), "{reply:?}");
    stripe.set_auto_deliver(true);
    stripe.release();
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_recognised_by_its_payment() {
    let api = ApiApp::with(&[("QUITTANCE__STRIPE__TIMEOUT", "700ms")]).await;
    let mut new = saved("pm_card_visa");
    new["capture_method"] = json!("manual");
    let made = api.pay("order-1", new).await;
    let path = format!("/v1/payment_intents/{}/capture", made.id());
    let endpoint = "POST /v1/payment_intents/{id}/capture";
    api.app.stripe().add_fault(Fault::once(endpoint, FaultKind::ErrorAfter));
    let reply = api.post(&path, "capture-1", json!({})).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    for _ in 0..3 {
        api.time_passes().await;
        api.finish().await;
    }
    let again = api.post(&path, "capture-1", json!({})).await;
    assert_eq!((again.status, &again.body["status"]), (200, &json!("succeeded")), "{again:?}");
    assert_eq!(api.at_stripe(Kind::PaymentIntent)[0]["amount_received"], 2000);
    api.app.settled().await;
    api.app.is_true().await;
    api.stop().await;
}

#[tokio::test]
async fn a_limited_request_waits_within_the_deadline_and_is_sent_once() {
    let api = ApiApp::start().await;
    api.app.stripe().add_fault(Fault::once(CREATE, FaultKind::RateLimited));
    let reply = api.pay("order-1", json!({})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 1);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn what_stripe_never_received_is_said_so_and_given_up_in_time() {
    let api = ApiApp::with(&[("QUITTANCE__API__DEADLINE", "500ms")]).await;
    api.app.stripe().add_fault(Fault::always(CREATE, FaultKind::RateLimited));
    let reply = api.pay("order-1", json!({})).await;
    assert_eq!((reply.status, reply.code()), (503, "rate_limited"), "{reply:?}");
    assert!(reply.header("retry-after").is_some());
    api.app.stripe().clear_faults();
    api.app.db.execute("UPDATE quittance.commands SET created_at = now() - interval '3 min'").await;
    api.time_passes().await;
    api.finish().await;
    let late = api.pay("order-1", json!({})).await;
    assert_eq!((late.status, late.code()), (409, "not_sent"));
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 0);
    api.stop().await;
}

#[tokio::test]
async fn a_wrong_key_is_our_fault_and_uses_up_no_command() {
    let api = ApiApp::start().await;
    api.app.stripe().set_chaos(|chaos| chaos.reject_keys = true);
    let reply = api.pay("order-1", json!({})).await;
    assert_eq!((reply.status, reply.code()), (503, "misconfigured"), "{reply:?}");
    api.app.stripe().set_chaos(|chaos| chaos.reject_keys = false);
    let again = api.pay("order-1", json!({})).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 1);
    api.app.settled().await;
    api.stop().await;
}

#[tokio::test]
async fn two_processes_that_finish_at_once_send_a_command_once() {
    let api = ApiApp::start().await;
    let params = CommandParams::read(CommandKind::CreatePayment, payment(json!({}))).unwrap();
    let caller = Caller::unlimited("local");
    for n in 0..20 {
        api.commands.accept(&caller, &format!("order-{n}"), None, &params).await.unwrap();
    }
    api.time_passes().await;
    let (one, other) = (api.another_process(), api.another_process());
    let (a, b) = tokio::join!(one.finish_due(), other.finish_due());
    assert_eq!(a + b, 20, "each has one turn");
    api.finish().await;
    assert_eq!(api.at_stripe(Kind::PaymentIntent).len(), 20);
    assert_eq!(api.app.stripe().stats().requests_to(Some(CREATE)), 20);
    let address = api.address;
    let reply = post(address, "/v1/payment_intents", "order-0", payment(json!({}))).await;
    assert_eq!(reply.status, 200);
    api.app.settled().await;
    api.stop().await;
}
