//! A database, and a Stripe whose every answer the test gives: the simulator, which holds all requests.

use std::sync::Arc;

use quittance::reconcile::{Fault, Reconciler, Settled};
use quittance::store::Store;
use quittance::stripe_api::{Client, Unlimited};
use serde_json::{Value, json};
use stripe_simulator::{FaultKind, HeldRequest, ScriptedAnswer, Simulator};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::harness::{TestDatabase, request, settings, within};

/// A request that waits for its answer.
pub(super) struct Asked {
    pub(super) path: String,
    held: HeldRequest,
}

impl Asked {
    pub(super) fn answer(self, object: &Value) {
        self.give(200, object);
    }

    /// There is no such object.
    pub(super) fn miss(self) {
        let error = json!({"error": {
            "type": "invalid_request_error", "code": "resource_missing", "message": "No such thing",
        }});
        self.give(404, &error);
    }

    fn give(self, status: u16, body: &Value) {
        assert!(self.held.answer(ScriptedAnswer::json(status, body)), "{} was given up", self.path);
    }
}

pub(super) struct TestEnvironment {
    pub(super) db: TestDatabase,
    stripe: Simulator,
}

impl TestEnvironment {
    pub(super) async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stripe = Simulator::start(listener, stripe_simulator::Config::default()).unwrap();
        stripe.add_fault(stripe_simulator::Fault::always("*", FaultKind::HoldBefore));
        Self { db: TestDatabase::migrated().await, stripe }
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
        let all =
            [&[("DATABASE_URL", &*url), ("STRIPE_API_BASE", self.stripe.base_url())], env].concat();
        let settings = settings(&all);
        let store = Store::connect(&settings.database, "worker").unwrap();
        let stripe = Client::new(&settings.stripe, Arc::new(Unlimited)).unwrap();
        Reconciler::new(store, stripe, &settings.reconcile)
    }

    /// The next request, when it has come.
    pub(super) async fn asked(&mut self) -> Asked {
        let held = within("Stripe is asked", self.stripe.next_held()).await;
        Asked { path: held.path.clone(), held }
    }

    /// No request waits for an answer.
    pub(super) fn is_silent(&mut self) -> bool {
        self.stripe.try_next_held().is_none()
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
