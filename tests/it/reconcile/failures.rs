//! Events that cannot be settled: their class, their attempts, their end.

use std::time::Duration;

use quittance::queue::{Consumer, Disposition};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::webhook::{Client, Webhook};
use crate::harness::{App, Options, eventually};

#[tokio::test]
async fn an_event_of_a_kind_that_we_do_not_handle_is_kept_as_ignored() {
    let app = App::start().await;
    let event =
        app.stripe().platform().emit("gizmo.created", json!({"id": "gz_1", "object": "gizmo"}));
    app.settled().await;
    let row = app.event(&event).await;
    let columns = json!([row["status"], row["outcome"], row["type"], row["object_id"]]);
    assert_eq!(columns, json!(["ignored", "ignored", "gizmo.created", "gz_1"]));
    assert_eq!(app.requests(), 0);
}

#[tokio::test]
async fn an_event_that_cannot_be_decoded_is_a_dead_letter_at_once() {
    let app = App::start().await;
    // Enough for the ingress, which must take what it may not understand; but nothing happened to
    // anything at any time.
    let body = r#"{"id":"evt_x","object":"event","type":"charge.failed","livemode":false}"#;
    let mut client = Client::connect(app.ingress).await;
    for _ in 0..2 {
        let answer = client.post(&Webhook::signed(body, "whsec_test")).await;
        assert_eq!(answer.status, 200);
        app.drained().await;
    }
    let dead_letter = app.db.json("quittance.dead_letters", "true").await;
    let columns = json!([
        dead_letter["reason"],
        dead_letter["class"],
        dead_letter["code"],
        dead_letter["state"]
    ]);
    assert_eq!(columns, json!(["undecodable", "permanent", "event_undecodable", "open"]));
    assert_eq!(dead_letter["message"], "`created` is missing");
    assert_eq!(dead_letter["payload"]["id"], "evt_x");
    let known = json!([dead_letter["event_id"], dead_letter["event_type"]]);
    assert_eq!(known, json!(["evt_x", "charge.failed"]), "what can be read of it names it");
    assert_eq!(app.requests(), 0);
    assert_eq!(app.db.count("quittance.events WHERE status = 'dead'").await, 1);
}

#[tokio::test]
async fn an_event_whose_texts_postgres_cannot_hold_is_a_dead_letter_at_once() {
    let app = App::start().await;
    let long = "x".repeat(4_000);
    let event = |id: &str, event_type: &str, version: &str, kind: &str| {
        format!(
            r#"{{"id":"{id}","object":"event","type":"{event_type}","livemode":false,"created":1,
                "api_version":"{version}","data":{{"object":{{"id":"x","object":"{kind}"}}}}}}"#
        )
    };
    let nul = r"a\u0000b";
    let mut client = Client::connect(app.ingress).await;
    for body in [
        event(r"evt_\u0000", "charge.failed", "1", "charge"),
        event(&format!("evt_{long}"), "charge.failed", "1", "charge"),
        event("evt_1", nul, "1", "charge"),
        event("evt_2", &long, "1", "charge"),
        event("evt_4", "charge.failed", "1", nul),
    ] {
        let answer = client.post(&Webhook::signed(body, "whsec_test")).await;
        assert_eq!(answer.status, 200);
    }
    app.drained().await;
    let dead_letters = app.db.rows("SELECT * FROM quittance.dead_letters ORDER BY id").await;
    let mut keys: Vec<_> = dead_letters.iter().map(|it| it["event_id"].as_str().unwrap()).collect();
    keys.sort_unstable();
    assert_eq!(keys[..3], ["evt_1", "evt_2", "evt_4"]);
    assert!(keys[3..].iter().all(|key| key.starts_with("sha256:")) && keys.len() == 5, "{keys:?}");
    for dead_letter in dead_letters {
        assert_eq!(dead_letter["reason"], "undecodable", "{dead_letter}");
    }
}

#[tokio::test]
async fn an_object_that_stripe_still_does_not_know_is_given_up_at_the_first_attempt() {
    let env = &[("QUITTANCE__RECONCILE__READ_LAG", "1s")];
    let app = App::with(Options { env, ..Options::default() }).await;
    let object = json!({"id": "pi_nowhere", "object": "payment_intent"});
    let event = app.stripe().platform().emit("payment_intent.succeeded", object);
    app.settled().await;
    let dead_letter = app.db.json("quittance.dead_letters", &format!("event_id = '{event}'")).await;
    let columns = json!([
        dead_letter["reason"],
        dead_letter["class"],
        dead_letter["code"],
        dead_letter["attempts"]
    ]);
    assert_eq!(columns, json!(["permanent", "permanent", "stripe_resource_missing", 1]));
    assert_eq!(app.event(&event).await["status"], "dead");
    let [(number, outcome, code)] = &app.attempts(&event).await[..] else { panic!("one attempt") };
    assert_eq!((*number, outcome.as_str()), (1, "dead"));
    assert_eq!(code.as_deref(), Some("stripe_resource_missing"));
    let kept = app.db.json("quittance.attempts", "true").await;
    assert!(kept["request_id"].as_str().unwrap().starts_with("req_"), "{kept}");
    // For the object, and for the event: were that unknown too, the account would be the wrong one.
    // How often more depends on how young the event was when it was looked at first.
    assert!(app.requests() >= 2 && app.requests() <= 8, "{}", app.requests());
}

#[tokio::test]
async fn a_fault_that_passes_costs_attempts_and_no_event() {
    let app = App::start().await;
    app.stripe().set_auto_deliver(false);
    app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").remove(0);
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    app.deliver(&event).await;
    eventually("two attempts have failed", async || app.attempts(&event).await.len() >= 2).await;
    app.stripe().set_chaos(|chaos| chaos.server_errors = 0.0);
    app.drained().await;
    let attempts = app.attempts(&event).await;
    let (last, failed) = attempts.split_last().unwrap();
    assert_eq!((last.0, last.1.as_str()), (failed.len() as i64 + 1, "applied"));
    for (number, attempt) in failed.iter().enumerate() {
        assert_eq!((attempt.0, attempt.1.as_str()), (number as i64 + 1, "failed"));
    }
    assert_eq!(app.event(&event).await["attempts"], last.0);
    assert_eq!(app.db.count("quittance.dead_letters").await, 0);
}

#[tokio::test]
async fn attempts_that_are_used_up_end_in_a_dead_letter_that_says_so() {
    let env = &[("QUITTANCE__RETRY__MAX_ATTEMPTS", "3")];
    let app = App::with(Options { env, ..Options::default() }).await;
    app.stripe().set_auto_deliver(false);
    app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").remove(0);
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    app.deliver(&event).await;
    app.drained().await;
    let dead_letter = app.db.json("quittance.dead_letters", "true").await;
    let columns = json!([dead_letter["reason"], dead_letter["class"], dead_letter["attempts"]]);
    assert_eq!(columns, json!(["exhausted", "transient", 3]));
    let outcomes: Vec<_> = app.attempts(&event).await.into_iter().map(|(n, o, _)| (n, o)).collect();
    let expected = [(1, "failed"), (2, "failed"), (3, "dead")];
    assert_eq!(outcomes, expected.map(|(number, outcome)| (number, outcome.to_owned())));
    assert_eq!(app.requests(), 3);
}

#[tokio::test]
async fn a_wait_for_stripes_rate_costs_no_attempt() {
    let app = App::start().await;
    app.stripe().set_chaos(|chaos| chaos.rate_limited = 0.7);
    for _ in 0..5 {
        app.pays("pm_card_visa");
    }
    app.settled().await;
    app.is_true().await;
    let limited: u64 = app
        .stripe()
        .stats()
        .requests
        .iter()
        .filter(|row| row.status == Some(429))
        .map(|row| row.count)
        .sum();
    assert!(limited > 0, "somebody was told to wait");
    assert_eq!(app.db.count("quittance.attempts WHERE number > 1 OR outcome = 'failed'").await, 0);
}

#[tokio::test]
async fn a_panic_is_an_attempt_that_failed_and_in_the_end_a_dead_letter() {
    let env = &[("QUITTANCE__RETRY__MAX_ATTEMPTS", "2")];
    let mut app = App::with(Options { workers: 0, env, ..Options::default() }).await;
    app.stripe().set_auto_deliver(false);
    app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").remove(0);
    // The jitter is drawn where an attempt has failed.
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    app.add_worker_with(|| panic!("the dice are gone")).await;
    app.deliver(&event).await;
    app.drained().await;
    let attempts = app.attempts(&event).await;
    let kept: Vec<_> = attempts.iter().map(|(n, o, c)| (*n, o.as_str(), c.as_deref())).collect();
    assert_eq!(kept, [(1, "failed", Some("panicked")), (2, "dead", Some("panicked"))]);
    let dead_letter = app.db.json("quittance.dead_letters", "true").await;
    assert_eq!(dead_letter["reason"], "exhausted");
    assert_eq!(dead_letter["message"], "panicked: the dice are gone");
}

/// A lease as short as the settings allow.
pub(super) const SHORT_LEASE: &[(&str, &str)] = &[
    ("QUITTANCE__REDIS__CONNECT_TIMEOUT", "200ms"),
    ("QUITTANCE__REDIS__COMMAND_TIMEOUT", "200ms"),
    ("QUITTANCE__STRIPE__TIMEOUT", "200ms"),
    ("QUITTANCE__WORKER__JOB_TIMEOUT", "300ms"),
    ("QUITTANCE__QUEUE__LEASE", "1s"),
    ("QUITTANCE__QUEUE__MAX_DELIVERIES", "1"),
];

#[tokio::test]
async fn a_job_that_takes_its_worker_with_it_is_given_up_as_poison() {
    let mut app = App::with(Options { workers: 0, env: SHORT_LEASE, ..Options::default() }).await;
    app.stripe().set_auto_deliver(false);
    let payment = app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").remove(0);
    app.deliver(&event).await;
    let victim = Consumer::new(&app.settings.redis, &app.settings.queue, "victim", 1).unwrap();
    let (began, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |_| {
        began.send(()).unwrap();
        std::future::pending::<Disposition>()
    };
    let victim = tokio::spawn(victim.run(handler, CancellationToken::new(), Duration::ZERO));
    begins.recv().await.unwrap();
    victim.abort();
    assert!(victim.await.unwrap_err().is_cancelled());

    app.add_worker().await;
    app.drained().await;
    let dead_letter = app.db.json("quittance.dead_letters", "true").await;
    let columns = json!([dead_letter["reason"], dead_letter["code"], dead_letter["object_id"]]);
    assert_eq!(columns, json!(["poison", "worker_died", payment]));
    assert_eq!(app.requests(), 0, "nobody tried it again");
}
