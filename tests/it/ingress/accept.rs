//! Accepted requests, and how they arrive in the queue.

use futures_util::future::join_all;
use quittance::queue::JobSource;

use super::app::SECRET;
use super::{App, Webhook};
use crate::harness::webhook::{event, now, sign};

#[tokio::test]
async fn a_signed_event_is_in_redis_when_it_is_answered_200() {
    let app = App::start().await;
    let answer = app.post(&Webhook::signed(event("evt_1", false), SECRET)).await;
    assert_eq!((answer.status, &*answer.body), (200, ""));
    let [(meta, body)] = &app.queued().await[..] else { panic!("one job") };
    assert_eq!(*body, event("evt_1", false));
    assert_eq!(meta.endpoint, "default");
    assert_eq!(meta.secret_index, Some(0));
    assert_eq!(meta.attempt, 0);
    assert_eq!(meta.source, JobSource::Webhook);
    assert!((now() - meta.received_at_ms / 1000).abs() < 3600);
    app.counted(r#"quittance_webhooks_total{endpoint="default",result="queued"} 1"#);
}

#[tokio::test]
async fn the_bytes_arrive_as_they_were_sent() {
    let app = App::start().await;
    let odd = "{\r\n\t\"id\" : \"evt_1\",  \"object\":\"event\",\"type\":\"x\",\"livemode\":true,\n \"n\":\"Zoë \u{1f4b8} \\u00e9\", \"f\": 1.0e2 }\n\n";
    let large = {
        let pad = "é".repeat(300_000);
        format!(
            "{{\"id\":\"evt_2\",\"object\":\"event\",\"type\":\"x\",\"livemode\":true,\"p\":\"{pad}\"}}"
        )
    };
    for body in [odd, &large] {
        assert_eq!(app.post(&Webhook::signed(body, SECRET)).await.status, 200);
    }
    assert!(app.bodies().await == [odd.as_bytes(), large.as_bytes()]);
}

#[tokio::test]
async fn a_body_in_chunks_is_an_event_like_any_other() {
    let app = App::start().await;
    let body = event("evt_1", false);
    let signature = format!("t={},v1={}", now(), sign(SECRET, now(), &body));
    let mut client = app.client().await;
    client
        .write(format!(
            "POST /webhooks/stripe HTTP/1.1\r\nHost: q\r\nStripe-Signature: {signature}\r\nTransfer-Encoding: chunked\r\n\r\n"
        ))
        .await;
    for chunk in body.chunks(50) {
        client.write(format!("{:x}\r\n", chunk.len())).await;
        client.write([chunk, b"\r\n"].concat()).await;
    }
    client.write("0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(app.bodies().await, [body]);
}

#[tokio::test]
async fn while_a_secret_is_rolled_either_one_is_good_and_counted() {
    let app = App::start().await;
    let body = event("evt_1", false);
    let old_and_new = format!(
        "t={t},v1={},v1={},v0=00",
        sign("whsec_unknown", now(), &body),
        sign("whsec_second", now(), &body),
        t = now(),
    );
    let rolled = Webhook::new(body.clone()).header("Stripe-Signature", &old_and_new);
    assert_eq!(app.post(&rolled).await.status, 200);
    assert_eq!(app.post(&Webhook::signed(body, SECRET)).await.status, 200);
    let indexes: Vec<_> =
        app.queued().await.into_iter().map(|(meta, _)| meta.secret_index).collect();
    assert_eq!(indexes, [Some(1), Some(0)]);
    for index in [0, 1] {
        app.counted(&format!(
            r#"quittance_webhook_secret_matched_total{{endpoint="default",index="{index}"}} 1"#
        ));
    }
}

#[tokio::test]
async fn each_endpoint_has_its_own_secrets() {
    let app = App::with("[endpoints.connect]\nsecrets = [\"whsec_connect\"]").await;
    let path = "/webhooks/stripe/connect";
    let webhook = Webhook::signed(event("evt_1", false), "whsec_connect");
    assert_eq!(app.post(&webhook).await.status, 400);
    assert_eq!(app.post(&webhook.to(path)).await.status, 200);
    let of_default = Webhook::signed(event("evt_1", false), SECRET);
    assert_eq!(app.post(&of_default.clone().to(path)).await.status, 400);
    assert_eq!(app.post(&of_default.to("/webhooks/stripe/default")).await.status, 200);
    let endpoints: Vec<_> = app.queued().await.into_iter().map(|(meta, _)| meta.endpoint).collect();
    assert_eq!(endpoints, ["connect", "default"]);
}

#[tokio::test]
async fn an_event_of_the_other_mode_is_answered_counted_and_dropped() {
    let app = App::with("[endpoints.default]\nmode = \"live\"").await;
    let answer = app.post(&Webhook::signed(event("evt_1", false), SECRET)).await;
    assert_eq!((answer.status, &*answer.body), (200, ""));
    assert_eq!(app.bodies().await.len(), 0);
    app.counted(r#"quittance_webhooks_total{endpoint="default",result="wrong_mode"} 1"#);
    assert_eq!(app.post(&Webhook::signed(event("evt_2", true), SECRET)).await.status, 200);
    assert_eq!(app.bodies().await.len(), 1);
}

#[tokio::test]
async fn a_thin_event_is_taken() {
    let app = App::start().await;
    let body = r#"{"id":"evt_1","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered","created":"2026-01-02T03:04:05.678Z","livemode":false,"related_object":{"id":"mtr_1","type":"billing.meter","url":"/v1/billing/meters/mtr_1"}}"#;
    assert_eq!(app.post(&Webhook::signed(body, SECRET)).await.status, 200);
    assert_eq!(app.bodies().await, [body.as_bytes()]);
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    let app = App::start().await;
    for kind in ["application/json; charset=utf-8", "text/plain", "nonsense"] {
        let webhook = Webhook::signed(event("evt_1", false), SECRET).header("Content-Type", kind);
        assert_eq!(app.post(&webhook).await.status, 200);
    }
}

#[tokio::test]
async fn a_job_carries_on_the_trace_of_its_request() {
    let app = App::start().await;
    let webhook = Webhook::signed(event("evt_1", false), SECRET);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let traced = webhook.clone().header("traceparent", &format!("00-{trace}-b7ad6b7169203331-01"));
    app.post(&traced).await;
    app.post(&webhook).await;
    let traces: Vec<_> =
        app.queued().await.into_iter().map(|(meta, _)| meta.trace.unwrap()).collect();
    assert!(traces[0].starts_with(&format!("00-{trace}-")) && !traces[0].contains("b7ad6b71"));
    assert!(traces[1].len() == traces[0].len() && !traces[1].contains(trace));
}

#[tokio::test]
async fn a_burst_on_many_connections_is_queued_whole() {
    let app = App::start().await;
    let app = &app;
    join_all((0..20).map(|connection| async move {
        let mut client = app.client().await;
        for number in 0..20 {
            let id = format!("evt_{connection}_{number}");
            let answer = client.post(&Webhook::signed(event(&id, false), SECRET)).await;
            assert_eq!(answer.status, 200);
        }
    }))
    .await;
    let mut bodies = app.bodies().await;
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 400);
}
