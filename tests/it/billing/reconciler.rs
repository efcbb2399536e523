//! A simulator, a database and the road between them; the test itself is the queue.

use std::sync::Arc;
use std::time::Duration;

use quittance::config;
use quittance::dev::differences;
use quittance::reconcile::{Reconciler, Settled};
use quittance::store::Store;
use quittance::stripe_api::{Client, Unlimited};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use stripe_simulator::{Account, Config, Kind, Simulator};
use tokio::net::TcpListener;

use crate::harness::{TestDatabase, request};

pub(super) struct App {
    pub(super) sim: Simulator,
    reconciler: Reconciler,
    store: Store,
    database: TestDatabase,
    delivered: usize,
}

fn database(url: &str) -> config::Database {
    config::Database {
        url: config::Secret::new(url),
        max_connections: 4,
        acquire_timeout: Duration::from_secs(60),
        statement_timeout: Duration::from_secs(60),
    }
}

impl App {
    pub(super) async fn open() -> Self {
        let test_database = TestDatabase::migrated().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sim = Simulator::start(listener, Config::default()).unwrap();
        let stripe = config::Stripe {
            write_key: config::Secret::new(""),
            write_endpoint_rate: 25,
            write_account_rate: 80,
            secret_key: config::Secret::new(sim.secret_key()),
            account: String::new(),
            api_base: sim.base_url().to_owned(),
            timeout: Duration::from_secs(30),
            pool_idle: 4,
            endpoint_rate: 1000,
            account_rate: 1000,
        };
        let store = Store::connect(&database(&test_database.url()), "test").unwrap();
        let client = Client::new(&stripe, Arc::new(Unlimited)).unwrap();
        let settings = config::Reconcile {
            clock_skew: Duration::from_secs(2),
            read_lag: Duration::ZERO,
            max_rounds: 8,
            snapshots: Vec::new(),
        };
        let reconciler = Reconciler::new(store.clone(), client, &settings);
        Self { sim, reconciler, store, database: test_database, delivered: 0 }
    }

    pub(super) fn stripe(&self) -> Account {
        self.sim.platform()
    }

    /// All events so far, oldest first.
    pub(super) fn events(&self) -> Vec<Value> {
        self.sim.truth(Kind::Event)
    }

    /// Settles one event, as a worker does.
    pub(super) async fn settle(&self, event: &Value) -> Settled {
        self.reconciler.settle(request(event)).await.unwrap_or_else(|fault| panic!("{fault:?}"))
    }

    /// Settles what happened since the last time, in the order in which it happened.
    pub(super) async fn catch_up(&mut self) {
        let events = self.events();
        for event in &events[self.delivered..] {
            self.settle(event).await;
        }
        self.delivered = events.len();
    }

    /// Every row of every table, held against the simulator.
    pub(super) async fn assert_true(&self) {
        let mut found = differences(&self.sim, &self.store).await.unwrap();
        // Not the ledger's: some events are the test's own.
        found.retain(|difference| difference.table != "quittance.events");
        assert_eq!(found, []);
    }

    /// A column of the one row with this value in another.
    pub(super) async fn value(&self, table: &str, column: &str, condition: &str) -> Value {
        let sql = format!("SELECT to_jsonb({column}) FROM {table} WHERE {condition}");
        let mut connection = self.database.connect().await;
        let value: Option<Value> =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
        value.unwrap_or_default()
    }

    /// What was told of an object, in order.
    pub(super) async fn told(&self, id: &str) -> Vec<String> {
        let mut connection = self.database.connect().await;
        sqlx::query_scalar("SELECT topic FROM quittance.outbox WHERE object_id = $1 ORDER BY seq")
            .bind(id)
            .fetch_all(&mut connection)
            .await
            .unwrap()
    }

    /// Moves of a status that the state machines think impossible.
    pub(super) async fn anomalies(&self) -> i64 {
        let mut connection = self.database.connect().await;
        sqlx::query_scalar("SELECT count(*) FROM app.transitions WHERE kind = 'anomalous'")
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }
}
