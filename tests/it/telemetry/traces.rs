//! A trace from the webhook's request to the commit.

use nix::sys::signal::Signal;
use stripe_simulator::{Kind, NewPayment};

use super::Role;
use super::collector::{Collector, Span};
use crate::harness::app::payment_of;
use crate::harness::webhook::{Client, Webhook};
use crate::harness::{App, Options, eventually};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Posts an event of the simulator's as Stripe would, within somebody's trace.
async fn post(app: &App, ingress: &Role, event: &str) {
    let events = app.stripe().truth(Kind::Event);
    let event = events.iter().find(|found| found["id"] == event).unwrap();
    let webhook = Webhook::signed(event.to_string(), "whsec_test")
        .header("traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01"));
    let answer = Client::connect(ingress.listen.unwrap()).await.post(&webhook).await;
    assert_eq!(answer.status, 200);
}

#[track_caller]
fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

async fn stop(mut role: Role) {
    role.program.signal(Signal::SIGTERM);
    assert!(role.program.ended().await.success(), "{}", role.program.logged);
}

#[tokio::test]
async fn a_card_number_in_an_events_metadata_is_in_no_span_and_no_line_of_a_log() {
    const CARD: &str = "4242424242424242";
    let collector = Collector::start().await;
    let app = App::without_workers().await;
    let export = [
        ("QUITTANCE__TELEMETRY__OTLP_ENDPOINT", collector.url.as_str()),
        ("QUITTANCE__LOG__FILTER", "trace"),
    ];
    let ingress = Role::start(&app, "ingress", &export).await;
    app.stripe().set_auto_deliver(false);
    let id = app.makes(NewPayment {
        metadata: [("note".to_owned(), CARD.to_owned())].into(),
        ..payment_of(2000)
    });
    let event = app.events("payment_intent.created").pop().unwrap();
    post(&app, &ingress, &event).await;
    let worker = Role::start(&app, "worker", &export).await;
    eventually("it is settled", async || app.db.count("quittance.events").await == 1).await;
    app.drained().await;
    assert_eq!(app.payment(&id).await["metadata"]["note"], "[redacted]");
    let mut logged = String::new();
    for mut role in [ingress, worker] {
        role.program.signal(Signal::SIGTERM);
        assert!(role.program.ended().await.success(), "{}", role.program.logged);
        // Libraries log at this level, too, and one of them what it sends over Redis.
        let ours =
            role.program.logged.lines().filter(|line| line.contains("\"target\":\"quittance"));
        logged.extend(ours.map(|line| format!("{line}\n")));
    }
    let spans = format!("{:?}", collector.trace(TRACE));
    assert!(spans.contains(&event) && logged.contains(&event));
    assert!(!spans.contains(CARD) && !logged.contains(CARD));
    app.stop().await;
}

#[tokio::test]
async fn one_trace_leads_from_the_request_to_the_commit() {
    let collector = Collector::start().await;
    let app = App::without_workers().await;
    let export = [("QUITTANCE__TELEMETRY__OTLP_ENDPOINT", collector.url.as_str())];
    let ingress = Role::start(&app, "ingress", &export).await;
    app.stripe().set_auto_deliver(false);
    app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").pop().unwrap();
    post(&app, &ingress, &event).await;
    let worker = Role::start(&app, "worker", &export).await;
    eventually("it is settled", async || app.db.count("quittance.events").await == 1).await;
    app.drained().await;
    // What they have not sent by then, they send at their end.
    stop(ingress).await;
    stop(worker).await;

    let spans = collector.trace(TRACE);
    let webhook = one(&spans, "webhook");
    assert_eq!(webhook.parent, "b7ad6b7169203331", "it goes on with the caller's trace");
    assert_eq!(webhook.service, "quittance-ingress");
    assert_eq!(webhook.text("result").as_deref(), Some("queued"));
    assert_eq!(webhook.text("event"), Some(event.clone()));
    let (wait, attempt) = (one(&spans, "wait"), one(&spans, "attempt"));
    assert_eq!((&wait.parent, &attempt.parent), (&webhook.id, &webhook.id));
    assert_eq!(attempt.service, "quittance-worker");
    assert_eq!(attempt.text("outcome").as_deref(), Some("applied"));
    assert_eq!(attempt.text("event"), Some(event.clone()));
    assert!(wait.nanos.0 <= webhook.nanos.1 && wait.nanos.1 >= wait.nanos.0, "{wait:?}");
    let flight = one(&spans, "flight");
    assert_eq!(flight.parent, attempt.id);
    let (fetch, apply) = (one(&spans, "fetch"), one(&spans, "apply"));
    assert_eq!((&fetch.parent, &apply.parent), (&flight.id, &flight.id));
    assert!(fetch.text("request_id").unwrap().starts_with("req_"), "{fetch:?}");
    assert!(spans.iter().all(|span| !span.failed), "{spans:#?}");

    let kept = app.db.json("quittance.attempts", &format!("event_id = '{event}'")).await;
    assert_eq!(kept["trace_id"], TRACE, "who sees the attempt finds the trace");
}

#[tokio::test]
async fn each_retry_is_an_attempt_of_the_same_trace() {
    let collector = Collector::start().await;
    let app = App::without_workers().await;
    let export = [("QUITTANCE__TELEMETRY__OTLP_ENDPOINT", collector.url.as_str())];
    let ingress = Role::start(&app, "ingress", &export).await;
    app.stripe().set_auto_deliver(false);
    app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").pop().unwrap();
    post(&app, &ingress, &event).await;
    app.stripe().set_chaos(|chaos| chaos.server_errors = 1.0);
    let worker = Role::start(&app, "worker", &export).await;
    eventually("it has failed twice", async || {
        app.db.count("quittance.attempts WHERE outcome = 'failed'").await >= 2
    })
    .await;
    app.stripe().set_chaos(|chaos| chaos.server_errors = 0.0);
    eventually("it is settled", async || app.db.count("quittance.events").await == 1).await;
    app.drained().await;
    stop(ingress).await;
    stop(worker).await;

    let spans = collector.trace(TRACE);
    let webhook = one(&spans, "webhook");
    let attempts: Vec<_> = spans.iter().filter(|span| span.name == "attempt").collect();
    assert!(attempts.len() >= 3, "{spans:#?}");
    assert!(attempts.iter().all(|attempt| attempt.parent == webhook.id), "{spans:#?}");
    assert_eq!(attempts.iter().filter(|attempt| !attempt.failed).count(), 1, "{spans:#?}");
    assert_eq!(one(&spans, "wait").parent, webhook.id, "it waited for its first attempt once");
}

#[tokio::test]
async fn a_flight_that_is_shared_is_linked_to_all_that_it_is_for() {
    let collector = Collector::start().await;
    let app = App::without_workers().await;
    let export = [("QUITTANCE__TELEMETRY__OTLP_ENDPOINT", collector.url.as_str())];
    let ingress = Role::start(&app, "ingress", &export).await;
    app.stripe().set_auto_deliver(false);
    app.pays("pm_card_visa");
    let event = app.events("payment_intent.succeeded").pop().unwrap();
    for _ in 0..4 {
        post(&app, &ingress, &event).await;
    }
    // The first is still asking when the others come; they share what comes next.
    app.stripe().set_chaos(|chaos| {
        chaos.slow = 1.0;
        chaos.slow_by = std::time::Duration::from_secs(2);
    });
    let worker = Role::start(&app, "worker", &export).await;
    app.drained().await;
    stop(ingress).await;
    stop(worker).await;

    let spans = collector.trace(TRACE);
    let attempts: Vec<_> = spans.iter().filter(|span| span.name == "attempt").collect();
    assert_eq!(attempts.len(), 4, "{spans:#?}");
    let flights: Vec<_> = spans.iter().filter(|span| span.name == "flight").collect();
    let part_of =
        |flight: &Span| [&flight.links[..], std::slice::from_ref(&flight.parent)].concat();
    let mut flown: Vec<_> = flights.iter().flat_map(|flight| part_of(flight)).collect();
    flown.sort();
    let mut ids: Vec<_> = attempts.iter().map(|attempt| attempt.id.clone()).collect();
    ids.sort();
    assert_eq!(flown, ids, "each attempt is one flight's: {spans:#?}");
    assert!(flights.iter().any(|flight| !flight.links.is_empty()), "{spans:#?}");
}

#[tokio::test]
async fn a_collector_that_is_gone_is_told_of_once_and_costs_nothing() {
    let env = &[];
    let app = App::with(Options { workers: 0, env, ..Options::default() }).await;
    let export = [("QUITTANCE__TELEMETRY__OTLP_ENDPOINT", "http://127.0.0.1:9")];
    let mut worker = Role::start(&app, "worker", &export).await;
    app.pays("pm_card_visa");
    app.settled().await;
    worker.program.says("traces cannot be sent").await;
    app.pays("pm_card_visa");
    app.settled().await;
    app.is_true().await;
    worker.program.signal(Signal::SIGTERM);
    assert!(worker.program.ended().await.success(), "{}", worker.program.logged);
    let told = worker.program.logged.matches("traces cannot be sent").count();
    assert_eq!(told, 1, "{}", worker.program.logged);
}
