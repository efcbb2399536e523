//! The API beside everything else, and a client of it.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use quittance::api::{self, Api};
use quittance::card_data::CardDataGuard;
use quittance::commands::Commands;
use quittance::http;
use quittance::store::Store;
use quittance::stripe_api::{Client, Unlimited, Writer};
use serde_json::{Value, json};
use stripe_simulator::Kind;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::harness::app::{App, Options};

pub(crate) struct ApiApp {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    pub(crate) commands: Commands,
    stop: CancellationToken,
}

/// An answer of the API.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    pub(crate) fn id(&self) -> &str {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl ApiApp {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings over those of the harness.
    pub(crate) async fn with(env: &'static [(&'static str, &'static str)]) -> Self {
        let app = App::with(Options { env, ..Options::default() }).await;
        let commands = commands(&app);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let guard = CardDataGuard::new(&app.settings.api.card_data_exempt);
        let api = Api::new(&app.settings.api, commands.clone(), guard);
        let router = api::router(Arc::new(api));
        tokio::spawn(http::serve(listener, router, stop.clone(), http::Limits::default()));
        Self { app, address, commands, stop }
    }

    /// What another process would carry commands out with.
    pub(crate) fn another_process(&self) -> Commands {
        commands(&self.app)
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Reply {
        send(self.address, method, path, headers, body.into()).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> Reply {
        post(self.address, path, key, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    /// A payment of 20.00 EUR.
    pub(crate) async fn pay(&self, key: &str, more: Value) -> Reply {
        self.post("/v1/payment_intents", key, payment(more)).await
    }

    /// One that is paid with a test card.
    pub(crate) async fn paid(&self, key: &str) -> Reply {
        let reply = self.pay(key, saved("pm_card_visa")).await;
        assert_eq!((reply.status, &reply.body["status"]), (200, &json!("succeeded")), "{reply:?}");
        reply
    }

    /// What Stripe has of a kind.
    pub(crate) fn at_stripe(&self, kind: Kind) -> Vec<Value> {
        self.app.stripe().truth(kind)
    }

    /// All commands, oldest first.
    pub(crate) async fn stored(&self) -> Vec<Value> {
        self.app.db.rows("SELECT * FROM quittance.commands ORDER BY created_at").await
    }

    /// Every delay and lease is over.
    pub(crate) async fn time_passes(&self) {
        self.app.db.execute("UPDATE quittance.commands SET due_at = now() - interval '1 s'").await;
    }

    /// Takes turns until nothing is due.
    pub(crate) async fn finish(&self) {
        while self.commands.finish_due().await > 0 {}
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.app.stop().await;
    }
}

/// The commands of a process.
pub(crate) fn commands(app: &App) -> Commands {
    let settings = &app.settings;
    let store = Store::connect(&settings.database, "worker").unwrap();
    let store = store.redacting(&settings.redaction);
    let writing = Client::new(&settings.stripe.for_writing(), Arc::new(Unlimited)).unwrap();
    let writer = Writer::new(writing).unwrap();
    Commands::new(store, app.reconciler(), writer, settings.api.clone())
}

pub(crate) fn payment(more: Value) -> Value {
    let mut all = json!({ "amount": 2000, "currency": "eur" });
    if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
        all.extend(more);
    }
    all
}

/// Tried at once with a saved card.
pub(crate) fn saved(card: &str) -> Value {
    json!({
        "payment_method": card, "confirm": true,
        "automatic_payment_methods": {"enabled": true, "allow_redirects": "never"},
    })
}

pub(crate) async fn post(address: SocketAddr, path: &str, key: &str, body: Value) -> Reply {
    let headers = [("idempotency-key", key), ("content-type", "application/json")];
    send(address, "POST", path, &headers, body.to_string().into_bytes()).await
}

pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Reply {
    let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let client = HttpClient::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
    let answer = client.request(request.body(Full::from(body)).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}
