//! An ingress in this process, with a queue of its own.

use std::collections::HashMap;
use std::net::SocketAddr;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use quittance::dev::servers::Redis;
use quittance::http::Server;
use quittance::queue::{JobMeta, Producer};
use quittance::supervise::Supervisor;
use quittance::{config, http, ingress};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::webhook::{Answer, Client, Webhook};
use crate::harness::{self, Private};

pub(super) const SECRET: &str = "whsec_first";

pub(super) struct App {
    redis_url: String,
    queue: String,
    /// Of a test that breaks it.
    private: Option<Private<Redis>>,
    pub(super) address: SocketAddr,
    pub(super) shutdown: CancellationToken,
    pub(super) server: JoinHandle<http::Ended>,
    pub(super) supervisor: Supervisor,
    registry: Registry,
}

impl App {
    pub(super) async fn start() -> Self {
        Self::with("").await
    }

    /// With settings of its own over those that all tests share.
    pub(super) async fn with(settings: &str) -> Self {
        Self::on(harness::redis_url(), settings, None).await
    }

    /// The same with a Redis of its own.
    pub(super) async fn private(settings: &str) -> Self {
        let redis = harness::private_redis().await;
        Self::on(redis.url(), settings, Some(redis)).await
    }

    async fn on(redis_url: String, settings: &str, private: Option<Private<Redis>>) -> Self {
        let queue = harness::queue_name();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("q.toml");
        std::fs::write(&file, settings).unwrap();
        let variables = [
            ("REDIS_URL".to_owned(), redis_url.clone()),
            ("QUITTANCE__QUEUE__NAME".to_owned(), queue.clone()),
            ("STRIPE_WEBHOOK_SECRET".to_owned(), format!("{SECRET},whsec_second")),
        ];
        let settings = config::load(Some(&file), variables.into_iter()).unwrap();
        let mut registry = Registry::default();
        let metrics = ingress::Metrics::new(&mut registry);
        let connections = http::Metrics::new(&mut registry);
        let producer = Producer::new(&settings.redis, &settings.queue).unwrap();
        let state = ingress::State::new(&settings.ingress, &settings.endpoints, producer, &metrics)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let limits = http::Limits::from(&settings.ingress);
        let router = ingress::router(state);
        let server = Server { name: "webhook listener", router, limits, metrics: connections };
        let supervisor = Supervisor::default();
        let (stop, of) = (shutdown.clone(), supervisor.clone());
        let server = tokio::spawn(async move { server.serve(listener, stop, &of).await });
        Self { redis_url, queue, private, address, shutdown, server, supervisor, registry }
    }

    pub(super) fn redis(&mut self) -> &mut Redis {
        self.private.as_mut().expect("only a private Redis may be broken")
    }

    pub(super) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(super) async fn post(&self, webhook: &Webhook) -> Answer {
        self.client().await.post(webhook).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.client().await.get(path).await
    }

    /// Has Redis do something.
    pub(super) async fn ask(&self, command: &str) {
        let client = redis::Client::open(self.redis_url.as_str()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut words = command.split(' ');
        let mut asked = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            asked.arg(word);
        });
        let _: redis::Value = asked.query_async(&mut connection).await.unwrap();
    }

    /// All jobs in the live lane, oldest first.
    pub(super) async fn queued(&self) -> Vec<(JobMeta, Vec<u8>)> {
        let client = redis::Client::open(self.redis_url.as_str()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let entries: Vec<(String, HashMap<String, Vec<u8>>)> = redis::cmd("XRANGE")
            .arg(&[&format!("{{{}}}:live", self.queue), "-", "+"])
            .query_async(&mut connection)
            .await
            .unwrap();
        let job = |(_, entry): (String, HashMap<String, Vec<u8>>)| {
            (serde_json::from_slice(&entry["m"]).unwrap(), entry["b"].clone())
        };
        entries.into_iter().map(job).collect()
    }

    /// The bodies of [`Self::queued`].
    pub(super) async fn bodies(&self) -> Vec<Vec<u8>> {
        self.queued().await.into_iter().map(|(_, body)| body).collect()
    }

    pub(super) fn metrics(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        text
    }

    #[track_caller]
    pub(super) fn counted(&self, line: &str) {
        let metrics = self.metrics();
        assert!(metrics.lines().any(|counted| counted == line), "no {line} in:\n{metrics}");
    }
}
