//! The numbers of an ingress and a worker, scraped as Prometheus does.

use std::path::Path;

use serde_json::json;
use stripe_simulator::{Fault, FaultKind, NewPayment};

use super::page::Page;
use super::{Role, published};
use crate::commands::app as commands;
use crate::harness::app::payment_of;
use crate::harness::webhook::{self, Client, Webhook};
use crate::harness::{App, eventually};
use crate::outbox::{Receiver, SECRET};

/// Nothing listens there.
const NOBODY: &str = "http://127.0.0.1:9/";

/// A worker that tells somebody, and nobody.
async fn worker(app: &App, receiver: &str) -> Role {
    worker_with(app, receiver, &[]).await
}

async fn worker_with(app: &App, receiver: &str, more: &[(&str, &str)]) -> Role {
    let of = [
        ("QUITTANCE__OUTBOX__START", "beginning"),
        ("QUITTANCE__OUTBOX__POLL_INTERVAL", "20ms"),
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__URL", receiver),
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__SECRETS", SECRET),
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__ALLOW_HTTP", "true"),
        ("QUITTANCE__OUTBOX__DESTINATIONS__DEFAULT__ALLOW_PRIVATE", "true"),
    ];
    Role::start(app, "worker", &[&of, more].concat()).await
}

async fn api(app: &App) -> Role {
    Role::start(app, "api", &[("QUITTANCE__API__LISTEN", "127.0.0.1:0")]).await
}

async fn admin(app: &App) -> Role {
    let of = [
        ("QUITTANCE__ADMIN__LISTEN", "127.0.0.1:0"),
        ("QUITTANCE__STRIPE__WRITE_KEY", app.stripe().secret_key()),
    ];
    Role::start(app, "admin", &of).await
}

/// Creates a payment through the API, and says with which status it was answered.
async fn create(api: &Role, key: &str, amount: i64) -> u16 {
    let body = json!({ "amount": amount, "currency": "eur" });
    commands::post(api.listen.unwrap(), "/v1/payment_intents", key, body).await.status
}

/// Posts an event of ours, and says how that ended.
async fn post(ingress: &Role, body: String, secret: &str) -> u16 {
    let webhook = Webhook::signed(body, secret);
    Client::connect(ingress.listen.unwrap()).await.post(&webhook).await.status
}

fn of_type(id: &str, event_type: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"event","type":"{event_type}","created":1,"livemode":false,"data":{{"object":{{"object":"shiny","id":"shiny_1"}}}}}}"#
    )
}

fn all_was_seen(page: &Page) -> bool {
    let looks = &page.families["quittance_look_succeeded"].samples;
    looks.iter().all(|look| (look.value - 1.0).abs() < f64::EPSILON)
}

#[tokio::test]
async fn what_is_served_is_what_is_published() {
    let app = App::without_workers().await;
    let receiver = Receiver::start().await;
    let ingress = Role::start(&app, "ingress", &[]).await;
    let worker = worker(&app, &receiver.url).await;
    let api = api(&app).await;
    let admin = admin(&app).await;
    create(&api, "order-1", 2000).await;
    create(&api, "order-2", 0).await;
    app.pays("pm_card_visa");
    assert_eq!(post(&ingress, of_type("evt_1", "shiny.polished"), "whsec_test").await, 200);
    app.settled().await;
    // What is looked up is looked up once a second, and left out where it could not be.
    let (mut taken, mut done) = (ingress.page().await, worker.page().await);
    eventually("it is told, and all is seen", async || {
        (taken, done) = (ingress.page().await, worker.page().await);
        done.sum("quittance_notifications_total", &[("result", "delivered")]) > 0.0
            && done.families.contains_key("quittance_outbox_pending")
            && [&taken, &done].iter().all(|page| all_was_seen(page))
    })
    .await;

    let acted = api.page().await;
    let pages = admin.page().await;
    let roles = [("admin", &pages), ("api", &acted), ("ingress", &taken), ("worker", &done)];
    let document = published::document(&roles);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if std::env::var_os("QUITTANCE_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == document,
        "docs/metrics.md is not what the roles serve; run `QUITTANCE_UPDATE_DOCS=1 make test \
         ARGS='--test it telemetry'` and review the difference"
    );

    for family in [&taken, &done, &acted].iter().flat_map(|page| page.families.values()) {
        assert!(!family.samples.is_empty(), "{family:?}");
        for value in family.samples.iter().flat_map(|sample| sample.labels.values()) {
            let is_id = ["evt_", "pi_", "ch_", "acct_", "shiny", "test-"];
            assert!(!is_id.iter().any(|id| value.contains(id)), "{value} in {family:?}");
        }
    }
}

#[tokio::test]
async fn an_ingress_counts_each_event_once_by_what_became_of_it() {
    let mut app = App::without_workers().await;
    let ingress = Role::start(&app, "ingress", &[]).await;
    let known = String::from_utf8(webhook::event("evt_2", false)).unwrap();
    assert_eq!(post(&ingress, known.clone(), "whsec_test").await, 200);
    assert_eq!(post(&ingress, of_type("evt_1", "shiny.polished"), "whsec_test").await, 200);
    assert_eq!(post(&ingress, of_type("evt_3", "dull.polished"), "whsec_test").await, 200);
    assert_eq!(post(&ingress, known, "whsec_stranger").await, 400);

    let page = ingress.page().await;
    let received =
        |event_type| page.sum("quittance_events_received_total", &[("event_type", event_type)]);
    assert_eq!(received("payment_intent.succeeded"), 1.0);
    assert_eq!(received("other"), 2.0, "what nobody knows is one label, however much there is");
    let answered = |result| page.sum("quittance_webhooks_total", &[("result", result)]);
    assert_eq!((answered("queued"), answered("signature_mismatch")), (3.0, 1.0));
    assert_eq!(page.sum("quittance_webhook_secret_matched_total", &[("index", "0")]), 3.0);

    // With all workers gone, it is the ingress that shows how the queue grows.
    let waiting = [("lane", "live"), ("state", "waiting")];
    assert_eq!(page.sum("quittance_queue_jobs", &waiting), 3.0);
    assert!(page.sum("quittance_queue_oldest_job_seconds", &[("lane", "live")]) >= 0.0);
    assert_eq!(page.sum("quittance_look_succeeded", &[("at", "redis")]), 1.0);
    app.may_leave_work();
}

#[tokio::test]
async fn a_worker_counts_what_it_settles_asks_saves_and_gives_up() {
    let app = App::without_workers().await;
    for _ in 0..3 {
        app.pays("pm_card_visa");
    }
    app.stripe().wait_all_acknowledged().await.unwrap();
    app.enqueue("no event at all").await;
    // Its requests would come between the page and the simulator's count of them.
    let no_sweep = [("QUITTANCE__SWEEP__ENABLED", "false")];
    let worker = worker_with(&app, NOBODY, &no_sweep).await;
    app.drained().await;

    let page = worker.page().await;
    let events = app.db.count("quittance.events WHERE status IN ('settled', 'ignored')").await;
    let settled = page.sum("quittance_jobs_settled_total", &[]);
    assert_eq!(settled, events as f64, "each event is counted once");
    let payments = page.sum("quittance_jobs_settled_total", &[("kind", "payment_intent")]);
    assert!(payments >= 3.0);
    let asked = page.sum("quittance_stripe_requests_total", &[("status", "200")]);
    assert_eq!(asked, app.requests() as f64 - 3.0, "but for the three of a worker's start");
    let timed = page.sum("quittance_stripe_request_duration_seconds_count", &[]);
    assert_eq!(timed, asked);
    assert_eq!(page.sum("quittance_stripe_limiter_wait_seconds_count", &[]), asked);
    let saved = page.sum("quittance_stripe_requests_saved_total", &[]);
    let covered = page.sum("quittance_stripe_requests_saved_total", &[("by", "covered")]);
    assert!(saved >= covered, "{saved} {covered}");
    assert_eq!(covered, app.db.count("quittance.events WHERE outcome = 'covered'").await as f64);
    let dead_letters = [("class", "permanent"), ("reason", "undecodable")];
    assert_eq!(page.sum("quittance_dead_letters_written_total", &dead_letters), 1.0);
    assert_eq!(page.sum("quittance_dead_letters_written_total", &[]), 1.0);
    assert_eq!(page.sum("quittance_dead_letters_open", &[("class", "permanent")]), 1.0);
    let attempts = page.sum("quittance_attempt_duration_seconds_count", &[("result", "settled")]);
    assert_eq!(attempts, settled);
    assert_eq!(page.sum("quittance_event_settle_seconds_count", &[("lane", "live")]), settled);
    assert_eq!(page.sum("quittance_jobs_running", &[]), 0.0);
    assert!(page.sum("quittance_job_slots", &[]) > 0.0);
    assert_eq!(page.sum("quittance_worker_paused", &[]), 0.0);
    assert_eq!(page.sum("quittance_postgres_connections_limit", &[]), 4.0);
    assert!(page.sum("quittance_postgres_connections", &[]) >= 1.0);
    eventually("the relay fails", async || {
        let page = worker.page().await;
        page.sum("quittance_notifications_total", &[("result", "failed")]) > 0.0
    })
    .await;
    eventually("what was handed out is pending", async || {
        worker.page().await.sum("quittance_outbox_pending", &[]) >= 3.0
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_waits_says_for_what() {
    let mut app = App::without_workers().await;
    let api = [("STRIPE_API_BASE", "http://127.0.0.1:9")];
    let worker = Role::start(&app, "worker", &api).await;
    app.pays("pm_card_visa");
    eventually("it waits for Stripe", async || {
        let page = worker.page().await;
        let down = [("dependency", "stripe"), ("cause", "down")];
        page.families.contains_key("quittance_worker_paused")
            && page.sum("quittance_worker_paused", &down) == 1.0
            && page.sum("quittance_worker_paused", &[]) == 1.0
    })
    .await;
    let page = worker.page().await;
    assert!(page.sum("quittance_stripe_requests_total", &[("status", "unreachable")]) > 0.0);
    app.may_leave_work();
}

#[tokio::test]
async fn card_data_is_counted_where_it_is_refused_and_where_it_is_replaced() {
    const CARD: &str = "4242 4242 4242 4242";
    let app = App::without_workers().await;
    let (api, admin, worker) = (api(&app).await, admin(&app).await, worker(&app, NOBODY).await);
    let at = api.listen.unwrap();
    for (key, body) in [
        ("order-1", json!({"amount": 2000, "currency": "eur", "description": CARD})),
        ("order-2", json!({"amount": 2000, "currency": "eur", "card": {"number": "1"}})),
        ("order-3", json!({"amount": 2000, "currency": "eur", "metadata": {"cvc": "123"}})),
        (CARD, json!({"amount": 2000, "currency": "eur"})),
    ] {
        assert_eq!(commands::post(at, "/v1/payment_intents", key, body).await.status, 400);
    }
    assert_eq!(create(&api, "order-5", 2000).await, 200);
    let page = api.page().await;
    let refused =
        |page: &Page, found| page.sum("quittance_card_data_refused_total", &[("found", found)]);
    let found = ["number", "number_field", "security_code_field"];
    assert_eq!(found.map(|it| refused(&page, it)), [2.0, 1.0, 1.0]);

    let pause = json!({"reason": CARD});
    let paused = commands::post(admin.listen.unwrap(), "/api/v1/queue/pause", "", pause).await;
    assert_eq!(paused.status, 400, "{paused:?}");
    let page = admin.page().await;
    assert_eq!(found.map(|it| refused(&page, it)), [1.0, 0.0, 0.0]);

    assert_eq!(worker.page().await.sum("quittance_card_data_redacted_total", &[]), 0.0);
    let metadata = [("note".to_owned(), CARD.to_owned())].into();
    let intent = app.makes(NewPayment { metadata, ..payment_of(2000) });
    app.settled().await;
    assert_eq!(app.payment(&intent).await["metadata"]["note"], "[redacted]");
    assert!(worker.page().await.sum("quittance_card_data_redacted_total", &[]) >= 1.0);
}

#[tokio::test]
async fn commands_are_counted_by_how_they_end_and_those_that_do_not_by_their_state() {
    let app = App::without_workers().await;
    let (api, worker) = (api(&app).await, worker(&app, NOBODY).await);
    assert_eq!(create(&api, "order-1", 2000).await, 200);
    assert_eq!(create(&api, "order-1", 2000).await, 200, "repeated");
    assert_eq!(create(&api, "order-2", 0).await, 422);
    app.stripe().add_fault(Fault::once("POST /v1/payment_intents", FaultKind::ResetAfter));
    assert_eq!(create(&api, "order-3", 2000).await, 202);
    app.db
        .execute(
            "UPDATE quittance.commands SET state = 'dead', created_at = now() - interval '1 hour'
             WHERE idempotency_key = 'order-3'",
        )
        .await;

    let page = api.page().await;
    let ended = [("kind", "create_payment"), ("code", "done")];
    assert_eq!(
        page.sum("quittance_commands_ended_total", &ended),
        1.0,
        "a repetition is no command"
    );
    assert_eq!(page.sum("quittance_commands_ended_total", &[]), 1.0);
    let refused = [("kind", "create_payment"), ("code", "amount_too_small")];
    assert_eq!(page.sum("quittance_commands_not_accepted_total", &refused), 1.0);
    let life = [("kind", "create_payment")];
    assert_eq!(page.sum("quittance_command_duration_seconds_count", &life), 1.0);
    assert!(page.sum("quittance_stripe_requests_total", &[("status", "200")]) >= 1.0);
    eventually("the worker shows the dead one", async || {
        let page = worker.page().await;
        page.families.contains_key("quittance_commands_open")
            && page.sum("quittance_commands_open", &[("state", "dead")]) == 1.0
            && page.sum("quittance_commands_oldest_seconds", &[("state", "dead")]) >= 3600.0
    })
    .await;
    let page = worker.page().await;
    assert_eq!(page.sum("quittance_commands_open", &[]), 1.0, "{:?}", page.families);
    app.settled().await;
}
