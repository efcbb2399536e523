//! The road from an event's bytes to the tables, against the simulator.

use std::sync::Arc;
use std::time::Duration;

use quittance::config::{self, Secret};
use quittance::reconcile::{Fault, Reconciler, Settled};
use quittance::store::{Outcome, Store};
use quittance::stripe_api;
use quittance::stripe_api::{Client, Unlimited};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use stripe_simulator::{Config, Kind, Simulator};
use tokio::net::TcpListener;

use crate::harness::{TestDatabase, request};

pub(super) struct App {
    pub(super) sim: Simulator,
    pub(super) db: TestDatabase,
    pub(super) store: Store,
    pub(super) stripe: Client,
    pub(super) reconciler: Reconciler,
}

fn database(url: &str) -> config::Database {
    config::Database {
        url: Secret::new(url),
        max_connections: 8,
        acquire_timeout: Duration::from_secs(60),
        statement_timeout: Duration::from_secs(60),
    }
}

impl App {
    /// With the clock standing still: all happens in one second until a test moves it.
    pub(super) async fn start() -> Self {
        let db = TestDatabase::migrated().await;
        let store = Store::connect(&database(&db.url()), "test").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = Config {
            api_version: stripe_api::api_version().to_owned(),
            start_at: Some(1_700_000_000),
            ..Config::default()
        };
        let sim = Simulator::start(listener, config).unwrap();
        sim.clock().freeze();
        let settings = config::Stripe {
            write_key: Secret::new(""),
            write_endpoint_rate: 25,
            write_account_rate: 80,
            secret_key: Secret::new(sim.secret_key()),
            account: String::new(),
            api_base: sim.base_url().to_owned(),
            timeout: Duration::from_secs(60),
            pool_idle: 4,
            endpoint_rate: 20,
            account_rate: 80,
        };
        let stripe = Client::new(&settings, Arc::new(Unlimited)).unwrap();
        let of_reconciler = Client::new(&settings, Arc::new(Unlimited)).unwrap();
        let rules = config::Reconcile {
            clock_skew: Duration::from_secs(2),
            read_lag: Duration::ZERO,
            max_rounds: 5,
            snapshots: Vec::new(),
        };
        let reconciler = Reconciler::new(store.clone(), of_reconciler, &rules);
        Self { sim, db, store, stripe, reconciler }
    }

    /// All events so far, oldest first within each account.
    pub(super) fn events(&self) -> Vec<Value> {
        self.sim.truth(Kind::Event)
    }

    /// The last event of a kind.
    pub(super) fn last(&self, kind: &str) -> Value {
        let mut events = self.events().into_iter().rev();
        events.find(|event| event["type"] == kind).unwrap_or_else(|| panic!("no {kind}"))
    }

    /// One event, from its bytes to its end.
    pub(super) async fn settle(&self, event: &Value) -> Result<Settled, Fault> {
        self.reconciler.settle(request(event)).await
    }

    pub(super) async fn outcome(&self, event: &Value) -> Outcome {
        match self.settle(event).await.unwrap() {
            Settled::Now { outcome, .. } => outcome,
            Settled::Before => panic!("{} was settled before", event["id"]),
        }
    }

    /// All events, in the order in which they happened.
    pub(super) async fn settle_all(&self) {
        for event in self.events() {
            self.settle(&event).await.unwrap();
        }
    }

    /// All events, newest first, each of them twice.
    pub(super) async fn settle_backwards(&self) {
        for event in self.events().iter().rev() {
            self.settle(event).await.unwrap();
            assert_eq!(self.settle(event).await.unwrap(), Settled::Before);
        }
    }

    pub(super) async fn text(&self, query: &str) -> String {
        let mut connection = self.db.connect().await;
        let query = format!("SELECT ({query})::text");
        let found: Option<String> =
            sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut connection).await.unwrap();
        found.unwrap_or_else(|| "null".into())
    }

    /// What the outbox told of the kinds whose topics begin so, in order.
    pub(super) async fn told(&self, prefix: &str) -> Vec<String> {
        let query =
            format!("SELECT topic FROM quittance.outbox WHERE topic LIKE '{prefix}%' ORDER BY seq");
        let mut connection = self.db.connect().await;
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap()
    }

    /// Requests to an endpoint of the API so far.
    pub(super) fn asked(&self, endpoint: &str) -> u64 {
        self.sim.stats().requests_to(Some(endpoint))
    }
}
