//! A webhook receiver that checks every signature with an HMAC of its own.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use sha2::{Digest, Sha256};
use stripe_simulator::WebhookEndpoint;
use tokio::net::TcpListener;

pub(super) const SECRET: &str = "whsec_receiver";

#[derive(Clone)]
pub(super) struct Receiver {
    inner: Arc<Mutex<Inner>>,
    pub(super) url: String,
}

struct Inner {
    secret: String,
    /// Answers with 503 as long as there are any.
    refusals: u32,
    received: Vec<Received>,
}

#[derive(Clone)]
pub(super) struct Received {
    pub(super) event: Value,
    pub(super) body: Vec<u8>,
    pub(super) signature: String,
    pub(super) status: u16,
}

impl Received {
    pub(super) fn id(&self) -> &str {
        self.event["id"].as_str().unwrap()
    }

    pub(super) fn t(&self) -> i64 {
        part(&self.signature, "t").first().unwrap().parse().unwrap()
    }
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let inner = Inner { secret: SECRET.into(), refusals: 0, received: Vec::new() };
        let receiver = Self { inner: Arc::new(Mutex::new(inner)), url };
        let app = Router::new().route("/webhooks", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        receiver
    }

    pub(super) fn endpoint(&self) -> WebhookEndpoint {
        WebhookEndpoint::new(&self.url, SECRET)
    }

    /// Knows this secret and no other.
    pub(super) fn trust(&self, secret: &str) {
        self.inner.lock().unwrap().secret = secret.into();
    }

    pub(super) fn refuse(&self, times: u32) {
        self.inner.lock().unwrap().refusals = times;
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.inner.lock().unwrap().received.clone()
    }

    /// The kinds of the events that were accepted, in the order in which they came.
    pub(super) fn accepted(&self) -> Vec<String> {
        let received = self.received();
        let good = received.iter().filter(|one| one.status == 200);
        good.map(|one| one.event["type"].as_str().unwrap().to_owned()).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
    let mut inner = receiver.inner.lock().unwrap();
    let status = if !is_signed(&inner.secret, &signature, &body) {
        StatusCode::BAD_REQUEST
    } else if inner.refusals > 0 {
        inner.refusals -= 1;
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    inner.received.push(Received {
        event: serde_json::from_slice(&body).unwrap(),
        body: body.to_vec(),
        signature,
        status: status.as_u16(),
    });
    status
}

pub(super) fn part<'a>(header: &'a str, scheme: &str) -> Vec<&'a str> {
    let parts = header.split(',').filter_map(|part| part.split_once('='));
    parts.filter(|(name, _)| *name == scheme).map(|(_, value)| value).collect()
}

pub(super) fn is_signed(secret: &str, header: &str, body: &[u8]) -> bool {
    let t = part(header, "t").first().copied().unwrap_or_default();
    let expected = hex::encode(hmac(secret.as_bytes(), &[t.as_bytes(), b".", body].concat()));
    part(header, "v1").contains(&expected.as_str())
}

/// HMAC-SHA256 as RFC 2104 writes it, from the hash alone: not the crate that the simulator uses.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::digest([&pad(0x36)[..], message].concat());
    Sha256::digest([&pad(0x5c)[..], &inner].concat()).to_vec()
}
