//! Limits of what a client may cost.

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::app::SECRET;
use super::{App, Webhook};
use crate::harness::webhook::{event, now};
use crate::harness::{eventually, within};

#[tokio::test]
async fn a_body_over_the_limit_is_answered_413() {
    let app = App::with("[ingress]\nmax_body_bytes = 2000").await;
    let whole = Webhook::signed(vec![b' '; 2001], SECRET);
    let answer = app.post(&whole).await;
    assert_eq!((answer.status, &*answer.body), (413, "large"));

    let mut client = app.client().await;
    let t = now();
    client
        .write(format!("POST /webhooks/stripe HTTP/1.1\r\nHost: q\r\nStripe-Signature: t={t},v1=0\r\nTransfer-Encoding: chunked\r\n\r\n"))
        .await;
    for _ in 0..5 {
        client.write([&b"1f4\r\n"[..], &[b' '; 500], b"\r\n"].concat()).await;
    }
    client.write("0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 413);

    let mut client = app.client().await;
    let announced = Webhook::signed(vec![b' '; 1 << 30 >> 4], SECRET);
    client.write(announced.header("Expect", "100-continue").head()).await;
    assert_eq!(client.answer().await.status, 413, "without asking for the body");
    app.counted(r#"quittance_webhooks_total{endpoint="default",result="too_large"} 3"#);
}

#[tokio::test]
async fn a_body_as_large_as_the_limit_is_taken() {
    let app = App::with("[ingress]\nmax_body_bytes = 2000").await;
    let mut body = event("evt_1", false);
    body.resize(2000, b' ');
    assert_eq!(app.post(&Webhook::signed(body, SECRET)).await.status, 200);
}

#[tokio::test]
async fn a_head_over_the_limit_is_answered_431() {
    let app = App::with("[ingress]\nmax_head_bytes = 4096").await;
    let many = (0..200).fold(Webhook::new(""), |webhook, n| webhook.header(&format!("x-{n}"), "y"));
    for webhook in [
        Webhook::new("").header("x", &"y".repeat(4096)),
        Webhook::new("").header("x", &"y".repeat(1 << 20)),
        many,
    ] {
        let mut client = app.client().await;
        client.try_write(webhook.head()).await;
        assert_eq!(client.answer().await.status, 431);
    }
    let fits = Webhook::signed(event("evt_1", false), SECRET).header("x", &"y".repeat(3000));
    assert_eq!(app.post(&fits).await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_408() {
    for limit in ["read_timeout = \"50ms\"", "stall_timeout = \"50ms\""] {
        let app = App::with(&format!("[ingress]\n{limit}")).await;
        let webhook = Webhook::signed(event("evt_1", false), SECRET);
        let mut client = app.client().await;
        client.write(webhook.head()).await;
        client.write(&webhook.body[..20]).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, &*answer.body), (408, "slow"));
        assert_eq!(client.closed().await, "", "and the connection is closed");
        assert_eq!(app.bodies().await.len(), 0);
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let first = "[ingress]\nhead_timeout = \"50ms\"";
    let later = "[ingress]\nkeep_alive = \"50ms\"";
    for limit in [first, later] {
        let app = App::with(limit).await;
        let (mut silent, mut slow) = (app.client().await, app.client().await);
        slow.write("POST /webhooks/stripe HTTP/1.1\r\nHost:").await;
        within("the end", async {
            assert_eq!(silent.closed().await, "");
            slow.closed().await;
        })
        .await;
        let counted = if limit == first { 2 } else { 0 };
        app.counted(&format!(
            r#"quittance_connections_shed_total{{reason="no_request"}} {counted}"#
        ));
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_halfway_leaves_nothing_behind() {
    let app = App::start().await;
    let webhook = Webhook::signed(event("evt_1", false), SECRET);
    let held = async || !app.metrics().contains("quittance_webhook_body_bytes 0\n");
    let mut client = app.client().await;
    client.begin(&webhook).await;
    client.write(&webhook.body[..20]).await;
    eventually("its beginning is there", held).await;
    drop(client);
    eventually("it is gone", async || !held().await).await;
    assert_eq!(app.post(&webhook).await.status, 200);
    assert_eq!(app.bodies().await.len(), 1);
}

#[tokio::test]
async fn one_event_more_than_may_wait_for_redis_is_answered_503() {
    let mut app = App::private("[ingress]\nmax_in_flight = 2\nenqueue_timeout = \"30s\"").await;
    let webhook = Webhook::signed(event("evt_1", false), SECRET);
    assert_eq!(app.post(&webhook).await.status, 200);
    app.redis().pause().unwrap();
    let mut clients = join_all((0..3).map(|_| app.client())).await;
    let mut answers: FuturesUnordered<_> =
        clients.iter_mut().map(|client| client.post(&webhook)).collect();
    let answer = within("a refusal", answers.next()).await.unwrap();
    assert_eq!((answer.status, &*answer.body), (503, "busy"));
    assert!(answer.headers.contains("retry-after: 1"), "{}", answer.headers);
    app.counted(r#"quittance_webhooks_total{endpoint="default",result="busy"} 1"#);
    app.redis().resume().unwrap();
    while let Some(answer) = answers.next().await {
        assert_eq!(answer.status, 200);
    }
}
