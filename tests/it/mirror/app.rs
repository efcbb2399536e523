//! The road with a Postgres of the test's own and a Stripe that it scripts.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quittance::config::{self, RedactedPath, Redaction};
use quittance::reconcile::{Fault, Reconciler, Settled};
use quittance::store::{Outcome, Store};
use quittance::stripe_api::{Client, Unlimited};
use serde_json::{Value, json};

use super::stripe::Stripe;
use crate::harness::{TestDatabase, request};

pub(crate) struct App {
    pub(crate) stripe: Stripe,
    pub(crate) db: TestDatabase,
    pub(crate) reconciler: Reconciler,
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::redacting(&[]).await
    }

    pub(crate) async fn redacting(paths: &[&str]) -> Self {
        Self::with(paths, "sk_test_x").await
    }

    /// With a key that does not say its mode, and reads both.
    pub(crate) async fn of_both_modes() -> Self {
        Self::with(&[], "sk_of_both_modes").await
    }

    async fn with(paths: &[&str], key: &str) -> Self {
        let (stripe, mut db) = (Stripe::start().await, TestDatabase::migrated().await);
        let paths = paths.iter().map(|path| (*path).to_owned().try_into().unwrap()).collect();
        db.store = db.store.clone().redacting(&Redaction { paths, ..Redaction::default() });
        let reconciler = reconciler(&stripe, &db.store, key);
        Self { stripe, db, reconciler }
    }

    /// One with other settings, on the same tables and the same Stripe.
    pub(crate) fn dropping(&self, paths: Vec<RedactedPath>) -> Reconciler {
        let store = self.db.store.clone().redacting(&Redaction { paths, ..Redaction::default() });
        reconciler(&self.stripe, &store, "sk_test_x")
    }

    /// Brings an event as the worker does, from its bytes.
    pub(crate) async fn settle(&self, event: &Value) -> Result<Settled, Fault> {
        // Where an object is missing, this is what Stripe is asked next.
        self.stripe.put(&format!("/v1/events/{}", event["id"].as_str().unwrap()), event.clone());
        self.settle_unknown(event).await
    }

    /// The same, of an event that Stripe does not know.
    pub(crate) async fn settle_unknown(&self, event: &Value) -> Result<Settled, Fault> {
        self.reconciler.settle(request(event)).await
    }

    pub(crate) async fn outcome(&self, event: &Value) -> Outcome {
        match self.settle(event).await.unwrap() {
            Settled::Now { outcome, .. } => outcome,
            Settled::Before => panic!("a duplicate"),
        }
    }

    pub(crate) async fn row(&self, kind: &str, id: &str) -> Value {
        self.db.json("quittance.objects", &format!("kind = '{kind}' AND id = '{id}'")).await
    }

    /// Nobody is told anything of a mirrored kind.
    pub(crate) async fn assert_silent(&self) {
        assert_eq!(self.db.count("app.transitions").await, 0);
        assert_eq!(self.db.count("quittance.outbox").await, 0);
    }
}

fn reconciler(stripe: &Stripe, store: &Store, key: &str) -> Reconciler {
    let environment = [
        ("STRIPE_SECRET_KEY".to_owned(), key.to_owned()),
        ("STRIPE_API_BASE".to_owned(), stripe.base.clone()),
        // What Stripe answers here is its last word.
        ("QUITTANCE__RECONCILE__READ_LAG".to_owned(), "0s".to_owned()),
    ];
    let settings = config::load(None, environment.into_iter()).unwrap();
    let client = Client::new(&settings.stripe, Arc::new(Unlimited)).unwrap();
    Reconciler::new(store.clone(), client, &settings.reconcile)
}

/// A second that no fetch of this test began after.
pub(crate) fn now() -> u64 {
    (SystemTime::now() + Duration::from_secs(5)).duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// An event that was made just now.
pub(crate) fn event(event_type: &str, object: &Value) -> Value {
    json!({
        "object": "event", "id": format!("evt_{}", uuid::Uuid::new_v4().simple()),
        "type": event_type, "created": now(), "livemode": false,
        "api_version": "2025-06-30.basil", "data": {"object": object},
    })
}

pub(crate) fn thin(event_type: &str, related: &Value) -> Value {
    json!({
        "object": "v2.core.event", "id": format!("evt_{}", uuid::Uuid::new_v4().simple()),
        "type": event_type, "created": "2040-01-02T03:04:05.678Z", "livemode": false,
        "related_object": related,
    })
}
