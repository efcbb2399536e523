//! The whole road in this process: simulator, ingress, queue, workers, tables.

use std::net::SocketAddr;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use quittance::completeness::{self, Sweeper};
use quittance::config::Settings;
use quittance::dev::servers::{Postgres, Redis};
use quittance::queue::{Consumer, Inspector, Job, JobMeta, JobSource, Lane, Producer};
use quittance::reconcile::Reconciler;
use quittance::store::Store;
use quittance::stripe_api::{Client, Unlimited, api_version};
use quittance::supervise::Supervisor;
use quittance::worker::{self, Parts, WorkerError};
use quittance::{dev, http, ingress};
use serde_json::Value;
use stripe_simulator::{EndpointId, Kind, NewPayment, Simulator, WebhookEndpoint};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Private, Proxy, TestDatabase, eventually, queue_name, redis_url, settings};

/// Options of a test's program.
pub(crate) struct Options {
    /// Workers, each with a reconciler of its own, like as many processes.
    pub(crate) workers: usize,
    /// Settings over those of the harness.
    pub(crate) env: &'static [(&'static str, &'static str)],
    pub(crate) simulator: stripe_simulator::Config,
    /// A Redis that the test breaks.
    pub(crate) redis: Option<Private<Redis>>,
    /// A Postgres that the test breaks.
    pub(crate) postgres: Option<Private<Postgres>>,
    /// Whether the way of the workers to Postgres can fall silent.
    pub(crate) proxied: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 1,
            env: &[],
            simulator: stripe_simulator::Config {
                api_version: api_version().to_owned(),
                ..stripe_simulator::Config::default()
            },
            redis: None,
            postgres: None,
            proxied: false,
        }
    }
}

pub(crate) struct App {
    pub(crate) db: TestDatabase,
    pub(crate) settings: Settings,
    pub(crate) producer: Producer,
    /// Of a test that breaks it.
    pub(crate) redis: Option<Private<Redis>>,
    /// Of a test that breaks it.
    pub(crate) postgres: Option<Private<Postgres>>,
    /// The way of the workers to Postgres.
    pub(crate) proxy: Option<Proxy>,
    pub(crate) ingress: SocketAddr,
    /// Where each worker answers `/readyz`.
    pub(crate) ready: Vec<SocketAddr>,
    /// Stripe's endpoints that lead here: of our own account, and of connected ones.
    pub(crate) endpoints: [EndpointId; 2],
    stripe: Simulator,
    shutdown: CancellationToken,
    workers: Vec<JoinHandle<Result<(), WorkerError>>>,
    serving: JoinHandle<http::Ended>,
    may_leave_work: bool,
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// Without a worker: jobs wait.
    pub(crate) async fn without_workers() -> Self {
        Self::with(Options { workers: 0, ..Options::default() }).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let db = match &options.postgres {
            Some(postgres) => TestDatabase::migrated_on(&postgres.url("postgres")).await,
            None => TestDatabase::migrated().await,
        };
        let redis_url = options.redis.as_ref().map_or_else(redis_url, |redis| redis.url());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stripe = Simulator::start(listener, options.simulator).unwrap();
        let proxy = if options.proxied { Some(Proxy::to(&db.url()).await) } else { None };
        let database_url = proxy.as_ref().map_or_else(|| db.url(), Proxy::url);
        let queue = queue_name();
        let mut env = vec![
            ("DATABASE_URL", database_url.as_str()),
            ("REDIS_URL", redis_url.as_str()),
            ("QUITTANCE__QUEUE__NAME", queue.as_str()),
            ("STRIPE_API_BASE", stripe.base_url()),
            ("STRIPE_SECRET_KEY", stripe.secret_key()),
        ];
        env.extend(options.env);
        let settings = settings(&env);

        let producer = Producer::new(&settings.redis, &settings.queue).unwrap();
        let metrics = ingress::Metrics::new(&mut Registry::default());
        let state =
            ingress::State::new(&settings.ingress, &settings.endpoints, producer.clone(), &metrics)
                .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ingress = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let limits = http::Limits::from(&settings.ingress);
        let serving =
            tokio::spawn(http::serve(listener, ingress::router(state), shutdown.clone(), limits));
        let url = format!("http://{ingress}/webhooks/stripe");
        let secret = settings.endpoints["default"].secrets[0].reveal();
        let endpoints = [
            stripe.add_endpoint(WebhookEndpoint::new(&url, secret)),
            stripe.add_endpoint(WebhookEndpoint::new(&url, secret).connect()),
        ];

        let mut app = Self {
            db,
            settings,
            producer,
            redis: options.redis,
            postgres: options.postgres,
            proxy,
            ingress,
            ready: Vec::new(),
            endpoints,
            stripe,
            shutdown,
            workers: Vec::new(),
            serving,
            may_leave_work: false,
        };
        for _ in 0..options.workers {
            app.add_worker().await;
        }
        app
    }

    /// Starts one more worker, put together as the role does.
    pub(crate) async fn add_worker(&mut self) {
        self.add_worker_with(rand::random::<f64>).await;
    }

    /// The same with a source of jitter.
    pub(crate) async fn add_worker_with(&mut self, random: fn() -> f64) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.ready.push(listener.local_addr().unwrap());
        let name = format!("worker-{}", self.ready.len());
        let settings = self.settings.clone();
        let store = self.store();
        let concurrency = settings.worker.concurrency;
        let parts = Parts {
            consumer: Consumer::new(&settings.redis, &settings.queue, &*name, concurrency).unwrap(),
            name,
            reconciler: self.reconciler(),
            store,
            listener: Some(listener),
            random,
            metrics: worker::Metrics::default(),
            supervisor: Supervisor::default(),
        };
        let shutdown = self.shutdown.child_token();
        self.workers.push(tokio::spawn(async move {
            worker::run(parts, &settings.worker, &settings.retry, &settings.queue, shutdown).await
        }));
    }

    /// One as another process would have.
    pub(crate) fn reconciler(&self) -> Reconciler {
        let stripe = Client::new(&self.settings.stripe, Arc::new(Unlimited)).unwrap();
        Reconciler::new(self.store(), stripe, &self.settings.reconcile)
    }

    /// A sweeper, as another process would have.
    pub(crate) fn sweeper(&self) -> Sweeper {
        let queue = (self.producer.clone(), self.inspector());
        let metrics = completeness::Metrics::default();
        Sweeper::new(&self.settings, self.client(), self.store(), queue, metrics)
    }

    /// A client without limits.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.settings.stripe, Arc::new(Unlimited)).unwrap()
    }

    pub(crate) fn inspector(&self) -> Inspector {
        Inspector::new(&self.settings.redis, &self.settings.queue).unwrap()
    }

    /// Postgres as a worker sees it.
    pub(crate) fn store(&self) -> Store {
        let store = Store::connect(&self.settings.database, "worker").unwrap();
        store.redacting(&self.settings.redaction)
    }

    pub(crate) fn stripe(&self) -> &Simulator {
        &self.stripe
    }

    /// A payment of 20.00 EUR that is tried at once with a test card; its id. A declined one is
    /// there, too.
    pub(crate) fn pays(&self, card: &str) -> String {
        self.makes(NewPayment {
            payment_method: Some(card.to_owned()),
            confirm: true,
            ..payment_of(2000)
        })
    }

    /// A payment; its id.
    pub(crate) fn makes(&self, new: NewPayment) -> String {
        let account = self.stripe.platform();
        // For a declined card this is a 402, and the payment is there.
        let _ = account.create_payment(new);
        let made = account.truth(Kind::PaymentIntent).pop().expect("a payment was made");
        made["id"].as_str().unwrap().to_owned()
    }

    /// The ids of all events so far, oldest first; those of a type that begins like this.
    pub(crate) fn events(&self, begin: &str) -> Vec<String> {
        let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
        let events = self.stripe.truth(Kind::Event);
        let events = events.iter().filter(|event| text(event, "type").starts_with(begin));
        events.map(|event| text(event, "id")).collect()
    }

    /// Posts an event once, and demands that it be taken.
    pub(crate) async fn deliver(&self, event: &str) {
        for delivered in self.stripe.deliver(event).await.unwrap() {
            assert_eq!(delivered.status, Some(200), "{event}");
        }
    }

    /// Puts a body into the queue as the ingress would.
    pub(crate) async fn enqueue(&self, body: impl Into<bytes::Bytes>) {
        let meta = JobMeta {
            endpoint: "default".into(),
            received_at_ms: 1_700_000_000_000,
            secret_index: Some(0),
            attempt: 0,
            source: JobSource::Webhook,
            event: None,
            trace: None,
            retry_of: None,
        };
        let job = Job { meta, body: body.into() };
        self.producer.enqueue(Lane::Live, &job).await.unwrap();
    }

    /// How often the API was asked.
    pub(crate) fn requests(&self) -> u64 {
        self.stripe.stats().requests_to(None)
    }

    /// Waits until Stripe has been rid of all events, and the queue of all jobs.
    pub(crate) async fn settled(&self) {
        eventually("Stripe has been rid of all events", async || {
            self.stripe.wait_all_acknowledged().await.is_ok()
        })
        .await;
        self.drained().await;
    }

    /// Waits until the queue is empty.
    pub(crate) async fn drained(&self) {
        eventually("the queue is empty", async || {
            self.producer.depth().await.is_ok_and(|depth| depth.total() == 0)
        })
        .await;
    }

    /// Every row is what Stripe says, and every event is in the ledger at a good end.
    pub(crate) async fn is_true(&self) {
        let dead_letters =
            self.db.rows("SELECT code, message FROM quittance.dead_letters LIMIT 5").await;
        assert_eq!(dead_letters, [] as [Value; 0]);
        assert_eq!(dev::differences(&self.stripe, &self.db.store).await.unwrap(), []);
    }

    /// A row of `app.payments`.
    pub(crate) async fn payment(&self, id: &str) -> Value {
        self.db.json("app.payments", &format!("stripe_payment_intent_id = '{id}'")).await
    }

    /// The topics that were told of an object, in order.
    pub(crate) async fn told(&self, object: &str) -> Vec<String> {
        let query =
            format!("SELECT topic FROM quittance.outbox WHERE object_id = '{object}' ORDER BY seq");
        let rows = self.db.rows(&query).await;
        rows.iter().map(|row| row["topic"].as_str().unwrap().to_owned()).collect()
    }

    /// The ledger's row of an event.
    pub(crate) async fn event(&self, id: &str) -> Value {
        self.db.json("quittance.events", &format!("id = '{id}'")).await
    }

    /// The attempts at an event: outcome and code, in order.
    pub(crate) async fn attempts(&self, event: &str) -> Vec<(i64, String, Option<String>)> {
        let query = format!(
            "SELECT number, outcome, code FROM quittance.attempts
             WHERE event_id = '{event}' ORDER BY id"
        );
        let text = |row: &Value, key: &str| row[key].as_str().map(str::to_owned);
        let rows = self.db.rows(&query).await;
        rows.iter()
            .map(|row| {
                (row["number"].as_i64().unwrap(), text(row, "outcome").unwrap(), text(row, "code"))
            })
            .collect()
    }

    /// What a worker answers to `GET /readyz`.
    pub(crate) async fn readiness(&self) -> (u16, Value) {
        get(self.ready[0], "/readyz").await
    }

    /// Waits until the first worker says that it waits for this dependency.
    pub(crate) async fn waits_for(&self, dependency: &str) -> Value {
        let mut found = Value::Null;
        eventually(&format!("the worker waits for {dependency}"), async || {
            let (status, body) = self.readiness().await;
            found = body;
            status == 503 && found["down"][0]["dependency"] == dependency
        })
        .await;
        found
    }

    /// Waits until the first worker is ready.
    pub(crate) async fn is_ready(&self) {
        eventually("the worker is ready", async || self.readiness().await.0 == 200).await;
    }

    /// Says that jobs may be left in the queue.
    pub(crate) fn may_leave_work(&mut self) {
        self.may_leave_work = true;
    }

    /// Stops the workers, and waits until they have.
    pub(crate) async fn stop_workers(&mut self) {
        self.shutdown.cancel();
        for worker in self.workers.drain(..) {
            worker.await.unwrap().unwrap();
        }
        self.ready.clear();
    }

    /// Stops all of it.
    pub(crate) async fn stop(mut self) {
        self.stripe.shutdown().await;
        self.stop_workers().await;
        let serving = std::mem::replace(&mut self.serving, tokio::spawn(std::future::pending()));
        assert_eq!(serving.await.unwrap(), http::Ended { cut_off: 0 });
    }
}

/// A payment in the making.
pub(crate) fn payment_of(amount: i64) -> NewPayment {
    NewPayment { amount, currency: "eur".to_owned(), ..NewPayment::default() }
}

/// `GET`, over a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, Value) {
    use http_body_util::{BodyExt as _, Empty};
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;

    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
    let uri = format!("http://{address}{path}").parse().unwrap();
    let answer = client.get(uri).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

impl Drop for App {
    /// Nothing may be left over, unless the test said so.
    fn drop(&mut self) {
        if self.may_leave_work || std::thread::panicking() {
            return;
        }
        // A client of its own, because a connection belongs to the runtime that opened it.
        let settings = self.settings.clone();
        // A thread, because a drop cannot wait within the test's own runtime.
        let depth = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let producer = Producer::new(&settings.redis, &settings.queue).unwrap();
                producer.depth().await.unwrap().total()
            })
        });
        assert_eq!(depth.join().unwrap(), 0, "jobs are left in the queue");
    }
}
