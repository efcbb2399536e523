//! Redis is not there, or does not answer.

use super::app::SECRET;
use super::{App, Webhook};
use crate::harness::eventually;
use crate::harness::webhook::event;

const IMPATIENT: &str = "[ingress]\nenqueue_timeout = \"100ms\"";

async fn taken_again(app: &App, webhook: &Webhook) {
    eventually("webhooks are taken again", async || app.post(webhook).await.status == 200).await;
}

async fn answers_ready(app: &App, status: u16) -> String {
    let mut body = String::new();
    eventually(&format!("/readyz answers {status}"), async || {
        let answer = app.get("/readyz").await;
        body = answer.body;
        answer.status == status
    })
    .await;
    body
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_a_503_and_no_200() {
    let mut app = App::private(IMPATIENT).await;
    let webhook = Webhook::signed(event("evt_1", false), SECRET);
    assert_eq!(app.post(&webhook).await.status, 200);
    app.redis().pause().unwrap();
    let answer = app.post(&webhook).await;
    assert_eq!((answer.status, &*answer.body), (503, "unavailable"));
    app.counted(r#"quittance_webhooks_total{endpoint="default",result="queue_timeout"} 1"#);
    app.redis().resume().unwrap();
    taken_again(&app, &webhook).await;
}

#[tokio::test]
async fn a_redis_that_never_was_there_is_a_503_until_it_is() {
    let mut app = App::private(IMPATIENT).await;
    app.redis().kill().await.unwrap();
    let webhook = Webhook::signed(event("evt_1", false), SECRET);
    assert_eq!(app.post(&webhook).await.status, 503);
    app.redis().restart().await.unwrap();
    taken_again(&app, &webhook).await;
}

#[tokio::test]
async fn what_was_answered_200_outlives_redis() {
    let mut app = App::private(IMPATIENT).await;
    let body = event("evt_1", false);
    assert_eq!(app.post(&Webhook::signed(body.clone(), SECRET)).await.status, 200);
    app.redis().kill().await.unwrap();
    app.redis().restart().await.unwrap();
    assert_eq!(app.bodies().await, [body]);
}

#[tokio::test]
async fn a_signature_is_judged_without_redis() {
    let mut app = App::private(IMPATIENT).await;
    app.redis().pause().unwrap();
    let forged = Webhook::signed(event("evt_1", false), "whsec_other");
    assert_eq!(app.post(&forged).await.status, 400);
    let unread = Webhook::signed("not json", SECRET);
    assert_eq!(app.post(&unread).await.status, 400);
    app.redis().resume().unwrap();
}

#[tokio::test]
async fn it_is_ready_when_redis_takes_a_write_and_live_all_the_time() {
    let mut app = App::private(IMPATIENT).await;
    let ready = app.get("/readyz").await;
    assert_eq!((ready.status, &*ready.body), (200, r#"{"ready":true}"#));
    app.redis().kill().await.unwrap();
    let down = answers_ready(&app, 503).await;
    let begins = r#"{"ready":false,"down":[{"dependency":"redis","since":"2"#;
    assert!(down.starts_with(begins), "{down}");
    let live = app.get("/livez").await;
    assert_eq!((live.status, &*live.body), (200, r#"{"live":true}"#));
    app.redis().restart().await.unwrap();
    answers_ready(&app, 200).await;
}

#[tokio::test]
async fn a_paused_redis_is_not_ready() {
    let mut app = App::private(IMPATIENT).await;
    app.redis().pause().unwrap();
    let answer = app.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("no answer within 100ms"), "{}", answer.body);
    app.redis().resume().unwrap();
}

#[tokio::test]
async fn a_redis_that_evicts_is_not_ready_because_a_200_would_not_mean_kept() {
    let app = App::private(IMPATIENT).await;
    app.ask("CONFIG SET maxmemory 100mb").await;
    app.ask("CONFIG SET maxmemory-policy allkeys-lru").await;
    let mut answer = app.get("/readyz").await;
    eventually("it is not ready", async || {
        answer = app.get("/readyz").await;
        answer.status == 503
    })
    .await;
    assert!(answer.body.contains("maxmemory-policy is allkeys-lru"), "{}", answer.body);
    app.ask("CONFIG SET maxmemory-policy noeviction").await;
    eventually("it is ready", async || app.get("/readyz").await.status == 200).await;
}

#[tokio::test]
async fn a_redis_without_an_append_only_file_is_ready_with_a_warning() {
    let app = App::private(IMPATIENT).await;
    app.ask("CONFIG SET appendonly no").await;
    let mut body = String::new();
    eventually("it warns", async || {
        let answer = app.get("/readyz").await;
        body = answer.body.to_string();
        answer.status == 200 && body.contains("append-only file")
    })
    .await;
    assert!(body.starts_with(r#"{"ready":true,"warnings":["#), "{body}");
}
