//! A simulator, a database and the road between them, with no queue: a test says itself which event
//! comes when.

use std::sync::Arc;
use std::time::Duration;

use quittance::config::{self, Secret};
use quittance::domain::object;
use quittance::reconcile::{Fault, Looked, Reconciler, Settled};
use quittance::stripe_api::{Client, Unlimited};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use stripe_simulator::{Config, Kind, Simulator};
use tokio::net::TcpListener;

use crate::harness::{TestDatabase, request};

pub(super) struct App {
    pub(super) sim: Simulator,
    reconciler: Reconciler,
    database: TestDatabase,
}

impl App {
    pub(super) async fn start() -> Self {
        let database = TestDatabase::migrated().await;
        let store = database.store.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sim = Simulator::start(listener, Config::default()).unwrap();
        let settings = config::Stripe {
            write_key: Secret::new(""),
            write_endpoint_rate: 25,
            write_account_rate: 80,
            secret_key: Secret::new(sim.secret_key()),
            account: String::new(),
            api_base: sim.base_url().to_owned(),
            timeout: Duration::from_secs(60),
            pool_idle: 8,
            endpoint_rate: 1_000,
            account_rate: 1_000,
        };
        let stripe = Client::new(&settings, Arc::new(Unlimited)).unwrap();
        let rules = config::Reconcile {
            clock_skew: Duration::from_secs(2),
            read_lag: Duration::ZERO,
            max_rounds: 20,
            snapshots: Vec::new(),
        };
        Self { sim, reconciler: Reconciler::new(store, stripe, &rules), database }
    }

    /// All events so far, oldest first.
    pub(super) fn events(&self) -> Vec<Value> {
        self.sim.truth(Kind::Event)
    }

    /// The events of one type.
    pub(super) fn events_of(&self, event_type: &str) -> Vec<Value> {
        let mut events = self.events();
        events.retain(|event| event["type"] == event_type);
        events
    }

    pub(super) async fn settle(&self, event: &Value) -> Settled {
        self.try_settle(event).await.unwrap()
    }

    pub(super) async fn try_settle(&self, event: &Value) -> Result<Settled, Fault> {
        self.reconciler.settle(request(event)).await
    }

    /// What settling it would do.
    pub(super) async fn look(&self, event: &Value) -> Result<Looked, Fault> {
        let event = request(event).event;
        let subject = &object::subjects(&event).unwrap()[0];
        self.reconciler.look(subject, Some(&event)).await
    }

    /// One row of a table as JSON, found by its object's id, if it is there.
    pub(super) async fn row(&self, table: &str, id: &str) -> Option<Value> {
        let query = format!(
            "SELECT to_jsonb(t) FROM app.{table} AS t WHERE stripe_{}_id = '{id}'",
            table.trim_end_matches('s')
        );
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_optional(&self.database.pool).await.unwrap()
    }

    /// The topics that were told of an object, in order.
    pub(super) async fn told(&self, id: &str) -> Vec<String> {
        self.texts(&format!(
            "SELECT topic FROM quittance.outbox WHERE object_id = '{id}' ORDER BY seq"
        ))
        .await
    }

    pub(super) async fn texts(&self, query: &str) -> Vec<String> {
        let query = AssertSqlSafe(query.to_owned());
        sqlx::query_scalar(query).fetch_all(&self.database.pool).await.unwrap()
    }
}
