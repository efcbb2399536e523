//! Private servers, the roles as child processes of the program itself, and a simulated Stripe.

use std::fs::Permissions;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use quittance::config::{self, Settings};
use quittance::dev::servers::{self, Servers};
use quittance::queue::Producer;
use quittance::simulator::{Config, Kind, NewPayment, Simulator, WebhookEndpoint};
use quittance::store::{Store, schema};
use quittance::stripe_api::api_version;
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::process::{Child, Command};

const SECRET: &str = "whsec_bench";

/// All that runs. Dropped from the top: the processes before the servers, these before their files.
pub(crate) struct Stage {
    _roles: Vec<Child>,
    pub(crate) stripe: Simulator,
    pub(crate) producer: Producer,
    /// As an operator's process has it.
    pub(crate) store: Store,
    /// For what no verb answers.
    pub(crate) pool: PgPool,
    pub(crate) url: String,
    /// With which any process of the program joins in.
    pub(crate) env: Vec<(String, String)>,
    _servers: Servers,
    _dir: TempDir,
}

impl Stage {
    pub(crate) async fn set(workers: u64) -> Self {
        // Postgres' own user passes through when this runs as root.
        let dir = tempfile::Builder::new()
            .prefix("quittance-bench-")
            .permissions(Permissions::from_mode(0o711))
            .tempdir()
            .unwrap();
        // With fsync, as in production.
        let servers = Servers::start(dir.path(), servers::Options { durable: true }).await.unwrap();
        let url = servers.postgres.url("bench");
        schema::create_database(&url, true).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stripe_settings = Config { api_version: api_version().to_owned(), ..Config::default() };
        let stripe = Simulator::start(listener, stripe_settings).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let env: Vec<_> = [
            ("DATABASE_URL", url.clone()),
            ("REDIS_URL", servers.redis.url()),
            ("STRIPE_API_BASE", stripe.base_url().to_owned()),
            ("STRIPE_SECRET_KEY", stripe.secret_key().to_owned()),
            ("STRIPE_WEBHOOK_SECRET", SECRET.to_owned()),
            ("QUITTANCE__INGRESS__LISTEN", format!("127.0.0.1:{port}")),
            ("QUITTANCE__LOG__FILTER", "warn".to_owned()),
            // Stripe's limit is not what is measured.
            ("QUITTANCE__STRIPE__ENDPOINT_RATE", "2000".to_owned()),
            ("QUITTANCE__STRIPE__ACCOUNT_RATE", "4000".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let settings = settings(&env);
        schema::migrate(&settings.database).await.unwrap();
        let mut roles = vec![role("ingress", &env)];
        roles.extend((0..workers).map(|_| role("worker", &env)));
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let webhooks = format!("http://127.0.0.1:{port}/webhooks/stripe");
        stripe.add_endpoint(WebhookEndpoint::new(webhooks, SECRET));
        Self {
            _roles: roles,
            stripe,
            producer: Producer::new(&settings.redis, &settings.queue).unwrap(),
            store: Store::connect(&settings.database, "admin").unwrap(),
            pool: PgPool::connect(&url).await.unwrap(),
            url,
            env,
            _servers: servers,
            _dir: dir,
        }
    }

    /// A payment that succeeds at once, and the webhooks that come of it.
    pub(crate) fn pays(&self) {
        pays(&self.stripe);
    }

    /// Waits until Stripe is rid of all events and the queue of all jobs.
    pub(crate) async fn settled(&self) {
        self.stripe.wait_all_acknowledged().await.unwrap();
        while self.producer.depth().await.unwrap().total() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The ids of all events that Stripe has made.
    pub(crate) fn events(&self) -> Vec<String> {
        let events = self.stripe.truth(Kind::Event);
        events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn pays(stripe: &Simulator) {
    let payment = NewPayment {
        amount: 2_000,
        currency: "eur".to_owned(),
        payment_method: Some("pm_card_visa".to_owned()),
        confirm: true,
        ..NewPayment::default()
    };
    stripe.platform().create_payment(payment).unwrap();
}

pub(crate) fn settings(env: &[(String, String)]) -> Settings {
    config::load(None, env.iter().cloned()).unwrap()
}

fn role(name: &str, env: &[(String, String)]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance"));
    command.arg(name).env_clear().envs(env.iter().cloned()).kill_on_drop(true);
    command.spawn().unwrap()
}
