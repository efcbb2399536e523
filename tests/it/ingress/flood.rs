//! Strangers who hold connections and bodies open, beside webhooks of Stripe's.

use std::collections::VecDeque;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::level_filters::LevelFilter;

use super::app::SECRET;
use super::{App, Webhook};
use crate::harness::webhook::{Client, event, now};
use crate::harness::{Logs, eventually, within};

/// Of the report: so many connections, held open by few bytes, kept a thousand places.
const STRANGERS: usize = 1_100;

/// Limits that no test waits for, so that it is not they that make room.
const PATIENT: &str = "[ingress]\nread_timeout = \"10m\"\nstall_timeout = \"10m\"\n";

/// A signature that could be one of Stripe's, as far as its header goes.
fn forged(body: Vec<u8>) -> Webhook {
    let signature = format!("t={},v1={}", now(), "0".repeat(64));
    Webhook::new(body).header("Stripe-Signature", &signature)
}

/// One that has begun to send a body, and goes on holding it open.
async fn stranger(app: &App, sent: usize, announced: usize) -> Client {
    let mut client = app.client().await;
    client.begin(&forged(vec![b' '; announced])).await;
    client.write(vec![b' '; sent]).await;
    client
}

/// Both ends of all connections are of this process.
fn allow_descriptors() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(10_240), hard);
}

/// Posts webhooks of Stripe's on connections of their own; how many were answered 200.
async fn taken(app: &App, count: usize, size: usize) -> usize {
    let mut taken = 0;
    for number in 0..count {
        let mut body = event(&format!("evt_{number}"), false);
        body.resize(body.len().max(size), b' ');
        let answer = within("an answer", app.post(&Webhook::signed(body, SECRET))).await;
        taken += usize::from(answer.status == 200);
    }
    taken
}

fn number(app: &App, series: &str) -> usize {
    let metrics = app.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix(series));
    line.unwrap_or_else(|| panic!("no {series} in:\n{metrics}")).trim().parse().unwrap()
}

fn body_bytes(app: &App) -> usize {
    number(app, "quittance_webhook_body_bytes ")
}

fn evicted(app: &App) -> usize {
    number(app, r#"quittance_webhooks_total{endpoint="default",result="evicted"} "#)
}

#[tokio::test]
async fn a_thousand_bodies_that_do_not_come_keep_no_webhook_out() {
    allow_descriptors();
    let app = App::with(PATIENT).await;
    let mut strangers = Vec::new();
    for _ in 0..STRANGERS {
        strangers.push(stranger(&app, 1, 1000).await);
    }
    assert!(taken(&app, 100, 0).await >= 99);
    eventually("the webhooks' connections have ended", async || {
        number(&app, "quittance_connections_open ") == STRANGERS
    })
    .await;
    assert_eq!(app.get("/readyz").await.status, 200);
    drop(strangers);
    eventually("the memory is given back", async || body_bytes(&app) == 0).await;
}

#[tokio::test]
async fn more_connections_than_there_may_be_keep_no_webhook_out() {
    let logs = Logs::capture(LevelFilter::WARN);
    let app = App::with(&format!("{PATIENT}max_connections = 50")).await;
    let mut proxy = app.client().await;
    let webhook = Webhook::signed(event("evt_proxy", false), SECRET);
    assert_eq!(proxy.post(&webhook).await.status, 200);
    let mut strangers = VecDeque::new();
    for number in 0..200 {
        strangers.push_back(match number % 3 {
            0 => app.client().await,
            1 => stranger(&app, 1, 1000).await,
            _ => {
                let mut client = app.client().await;
                assert_eq!(client.get("/livez").await.status, 200);
                client
            }
        });
        // What a proxy does all the time, and strangers cannot.
        if number % 20 == 0 {
            assert_eq!(proxy.post(&webhook).await.status, 200);
        }
    }
    assert!(taken(&app, 100, 0).await >= 99);
    assert_eq!(proxy.post(&webhook).await.status, 200, "a connection that brings webhooks stays");
    strangers[0].closed().await;
    assert!(number(&app, r#"quittance_connections_shed_total{reason="limit"} "#) >= 150);
    assert!(number(&app, "quittance_connections_open ") <= 50);
    let said = logs.saying("connections are closed to make room for new ones");
    assert_eq!(said.len(), 1, "{said:?}");
}

#[tokio::test]
async fn an_address_that_takes_too_many_connections_loses_its_oldest() {
    let app = App::with("[ingress]\nmax_connections_per_address = 2").await;
    let mut clients = [app.client().await, app.client().await, app.client().await];
    assert_eq!(clients[2].get("/livez").await.status, 200);
    assert_eq!(clients[0].closed().await, "");
    assert_eq!(clients[1].get("/livez").await.status, 200);
    app.counted(r#"quittance_connections_shed_total{reason="address_limit"} 1"#);
}

#[tokio::test]
async fn large_bodies_that_do_not_end_take_a_bounded_memory_and_keep_no_webhook_out() {
    const LIMIT: usize = 256 << 10;
    let limits = format!("max_body_bytes = {}\nmax_body_memory = {LIMIT}", LIMIT / 2);
    let app = App::with(&format!("{PATIENT}{limits}")).await;
    let mut strangers = Vec::new();
    for number in 0..20 {
        strangers.push(stranger(&app, 100 << 10, 120 << 10).await);
        // No more than two fit, with what they are copied into as they grow.
        eventually("all of it is read", async || evicted(&app) + 2 > number).await;
        assert!(body_bytes(&app) <= LIMIT);
    }
    assert_eq!(taken(&app, 20, 20 << 10).await, 20);
    assert_eq!(taken(&app, 3, 110 << 10).await, 3);
    assert!(body_bytes(&app) <= LIMIT);
    let answer = strangers[0].answer().await;
    assert_eq!((answer.status, &*answer.body), (503, "busy"));
    drop(strangers);
    eventually("the memory is given back", async || body_bytes(&app) == 0).await;
}

#[tokio::test]
async fn what_cannot_be_signed_is_refused_before_its_body() {
    let logs = Logs::capture(LevelFilter::WARN);
    let app = App::start().await;
    let old = now() - 301;
    for (signature, word) in [
        ("x".to_owned(), "signature"),
        (format!("t={}", now()), "signature"),
        (format!("v1={}", "0".repeat(64)), "signature"),
        (format!("t={old},v1={}", "0".repeat(64)), "stale"),
    ] {
        for _ in 0..10 {
            let mut client = app.client().await;
            let unsigned = Webhook::new(vec![b' '; 1 << 20]);
            client.write(unsigned.header("Stripe-Signature", &signature).head()).await;
            let answer = within("an answer", client.answer()).await;
            assert_eq!((answer.status, &*answer.body), (400, word), "{signature}");
        }
    }
    assert_eq!(body_bytes(&app), 0);
    let results: Vec<_> = logs
        .saying("a webhook was refused")
        .into_iter()
        .map(|line| line["fields"]["result"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        results,
        ["signature_malformed", "signature_without_v1", "signature_stale"],
        "one line for all of a kind"
    );
}
