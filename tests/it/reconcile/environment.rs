//! A Stripe that answers when, and with what, the test says.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::{Json, Router};
use quittance::reconcile::{Fault, Reconciler, Settled};
use quittance::store::Store;
use quittance::stripe_api::{Client, Unlimited};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::harness::{TestDatabase, request, settings, within};

/// A request that waits for its answer.
pub(super) struct Asked {
    pub(super) path: String,
    answer: oneshot::Sender<(StatusCode, Value)>,
}

impl Asked {
    pub(super) fn answer(self, object: &Value) {
        self.answer.send((StatusCode::OK, object.clone())).unwrap();
    }

    /// There is no such object.
    pub(super) fn miss(self) {
        let error = json!({"error": {
            "type": "invalid_request_error", "code": "resource_missing", "message": "No such thing",
        }});
        self.answer.send((StatusCode::NOT_FOUND, error)).unwrap();
    }
}

pub(super) struct TestEnvironment {
    pub(super) db: TestDatabase,
    url: String,
    requests: mpsc::UnboundedReceiver<Asked>,
}

type Asking = mpsc::UnboundedSender<Asked>;

async fn ask(State(asking): State<Asking>, uri: Uri) -> (StatusCode, Json<Value>) {
    let (answer, answered) = oneshot::channel();
    asking.send(Asked { path: uri.path().to_owned(), answer }).unwrap();
    let (status, body) = answered.await.unwrap();
    (status, Json(body))
}

impl TestEnvironment {
    pub(super) async fn set() -> Self {
        let (asking, requests) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(ask).with_state(asking);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { db: TestDatabase::migrated().await, url, requests }
    }

    /// As one process has it: with flights of its own.
    pub(super) fn reconciler(&self) -> Reconciler {
        self.believing("")
    }

    /// The same, which believes the events of these kinds.
    pub(super) fn believing(&self, kinds: &str) -> Reconciler {
        // What a test answers is what Stripe says, however it fits to what was said before.
        self.with(&[
            ("QUITTANCE__RECONCILE__SNAPSHOTS", kinds),
            ("QUITTANCE__RECONCILE__READ_LAG", "0s"),
        ])
    }

    /// The same, with other settings.
    pub(super) fn with(&self, env: &[(&str, &str)]) -> Reconciler {
        let url = self.db.url();
        let all = [&[("DATABASE_URL", &*url), ("STRIPE_API_BASE", &*self.url)], env].concat();
        let settings = settings(&all);
        let store = Store::connect(&settings.database, "worker").unwrap();
        let stripe = Client::new(&settings.stripe, Arc::new(Unlimited)).unwrap();
        Reconciler::new(store, stripe, &settings.reconcile)
    }

    /// The next request, when it has come.
    pub(super) async fn asked(&mut self) -> Asked {
        within("Stripe is asked", self.requests.recv()).await.unwrap()
    }

    /// Nobody asks any more.
    pub(super) fn is_silent(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }
}

/// Settles an event, in the background.
pub(super) fn settle(reconciler: &Reconciler, event: &Value) -> JoinHandle<Result<Settled, Fault>> {
    let reconciler = reconciler.clone();
    let request = request(event);
    tokio::spawn(async move { reconciler.settle(request).await })
}

/// An event of a payment, made now.
pub(super) fn event(id: &str, payment: &str) -> Value {
    let created = time::OffsetDateTime::now_utc().unix_timestamp();
    json!({
        "id": id, "object": "event", "type": "payment_intent.processing", "created": created,
        "livemode": false, "data": {"object": {"id": payment, "object": "payment_intent"}},
    })
}

/// A payment as Stripe shows it.
pub(super) fn payment(id: &str, status: &str) -> Value {
    let received = if status == "succeeded" { 1099 } else { 0 };
    json!({
        "id": id, "object": "payment_intent", "amount": 1099, "amount_capturable": 0,
        "amount_received": received, "capture_method": "automatic",
        "client_secret": format!("{id}_secret_hush"), "confirmation_method": "automatic",
        "created": 1_700_000_000, "currency": "eur", "livemode": false, "metadata": {},
        "payment_method_types": ["card"], "status": status,
    })
}
