//! Everything that `quittance dev` starts, and the order in which it goes again.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpListener;

use super::environment_file::{self, EnvironmentFile};
use super::options::{DevError, Options};
use super::receiver::{self, Receiver};
use super::roles::Role;
use super::servers::random::free_port;
use super::servers::{self, Servers};
use super::shop::{self, CardForm, Plan, Sellers};
use crate::config::{ApiScope, Settings};
use crate::http::auth;
use crate::queue::Producer;
use crate::store::{Store, schema};
use stripe_simulator::{AccountStep, Simulator, WebhookEndpoint};

/// The running parts. Dropping it ends the processes too, only less gracefully than `stop`.
pub(super) struct Environment {
    pub(super) servers: Servers,
    pub(super) ingress: Role,
    /// The operators' pages.
    pub(super) admin: Role,
    /// The team's API for commands.
    pub(super) api: Role,
    pub(super) workers: Vec<Role>,
    /// None when the real Stripe is used.
    pub(super) simulator: Option<Simulator>,
    /// The receiver of notifications; none when the real Stripe is used.
    pub(super) receiver: Option<Receiver>,
    pub(super) store: Store,
    pub(super) producer: Producer,
    pub(super) webhook_url: String,
    pub(super) admin_url: String,
    pub(super) api_url: String,
    /// The API's token of the clients.
    pub(super) clients_token: String,
    /// None with the real Stripe and without its publishable key.
    pub(super) shop_url: Option<String>,
    pub(super) database_url: String,
    /// The roles' settings, for a shell.
    pub(super) environment: EnvironmentFile,
}

const WEBHOOK_SECRETS: [&str; 2] = ["whsec_simulator_new", "whsec_simulator_old"];
const CONNECT_SECRET: &str = "whsec_simulator_connect";

impl Environment {
    /// Starts the servers, migrates, and starts the roles.
    pub(super) async fn set(options: &Options) -> Result<Self, DevError> {
        let root = &options.root;
        // With `everysec`, Redis answers before it has written, when the write before that is still on its way to
        // the disk. A kill at that moment would lose webhooks that were acknowledged.
        let redis = ["appendfsync always"];
        let durable = servers::Options { durable: true };
        let servers = Servers::start_with(root, durable, &redis).await?;
        let database = if options.real_stripe { "quittance" } else { "quittance_simulated" };
        let (database_url, redis_url) = (servers.postgres.url(database), servers.redis.url());

        let simulator = if options.real_stripe { None } else { Some(simulator(options).await?) };
        // The simulator begins with nothing, so the tables and the queue do too. What came from the
        // real Stripe stays from one run to the next.
        let queue = match &simulator {
            Some(_) => format!("dev-{:08x}", rand::random::<u32>()),
            None => "quittance".to_owned(),
        };
        schema::create_database(&database_url, simulator.is_some()).await?;

        let (port, admin_port, api_port) = (free_port(), free_port(), free_port());
        let mut env: Vec<(String, OsString)> = vec![
            ("DATABASE_URL".into(), database_url.clone().into()),
            ("REDIS_URL".into(), redis_url.into()),
            ("QUITTANCE__QUEUE__NAME".into(), queue.into()),
            ("QUITTANCE__INGRESS__LISTEN".into(), format!("127.0.0.1:{port}").into()),
            ("QUITTANCE__ADMIN__LISTEN".into(), format!("127.0.0.1:{admin_port}").into()),
            ("QUITTANCE__API__LISTEN".into(), format!("127.0.0.1:{api_port}").into()),
            ("QUITTANCE__LOG__FORMAT".into(), "json".into()),
        ];
        let api_url = format!("http://127.0.0.1:{api_port}");
        // References and keys are a caller's own, so each has its own token.
        let [clients_token, shop_token, shell_token] =
            ["clients", shop::CALLER, "shell"].map(|caller| token_of(caller, &mut env));
        // For curl; the roles do not look at these two.
        env.push(("QUITTANCE_API_URL".into(), api_url.clone().into()));
        env.push(("QUITTANCE_API_TOKEN".into(), shell_token.into()));
        let mut receiver = None;
        if let Some(simulator) = &simulator {
            env.extend(simulated(simulator));
            let who = Receiver::start(!options.calm).await.map_err(DevError::Listen)?;
            env.extend(heard_by(&who));
            receiver = Some(who);
        }
        let environment = environment_file::write(root, &env)?;
        let settings = settings(&env)?;
        schema::migrate(&settings.database).await?;
        let store = Store::connect(&settings.database, "dev")?.redacting(&settings.redaction);
        let producer = Producer::new(&settings.redis, &settings.queue)?;

        let mut ingress = Role::start("ingress", &root.join("ingress"), env.clone()).await?;
        ingress.listening(port).await?;
        let webhook_url = format!("http://127.0.0.1:{port}/webhooks/stripe");
        if let Some(simulator) = &simulator {
            let [new, old] = WEBHOOK_SECRETS;
            let endpoint = simulator.add_endpoint(WebhookEndpoint::new(&webhook_url, new));
            simulator.set_secrets(endpoint, &[new, old]);
            let connect = format!("{webhook_url}/connect");
            simulator.add_endpoint(WebhookEndpoint::new(connect, CONNECT_SECRET).connect());
        }
        let mut workers = Vec::new();
        for n in 1..=options.workers {
            let dir = root.join(format!("worker-{n}"));
            workers.push(Role::start("worker", &dir, env.clone()).await?);
        }
        let mut api = Role::start("api", &root.join("api"), env.clone()).await?;
        api.listening(api_port).await?;
        let shop_url = open_shop(options, simulator.as_ref(), &store, &api_url, shop_token).await?;
        // Last: nothing depends on it.
        let admin = Role::start("admin", &root.join("admin"), env).await?;
        Ok(Self {
            servers,
            ingress,
            admin,
            api,
            workers,
            simulator,
            receiver,
            store,
            producer,
            webhook_url,
            admin_url: format!("http://127.0.0.1:{admin_port}/"),
            api_url,
            clients_token,
            shop_url,
            database_url,
            environment,
        })
    }

    /// Stops all of it in order: who makes work first, who keeps it last.
    pub(super) async fn stop(&mut self) -> Result<(), DevError> {
        if let Some(simulator) = &self.simulator {
            simulator.shutdown().await;
        }
        self.api.stop().await?;
        self.admin.stop().await?;
        self.ingress.stop().await?;
        for worker in &mut self.workers {
            worker.stop().await?;
        }
        self.store.close().await;
        self.servers.stop().await?;
        Ok(())
    }

    pub(super) fn logs(&self) -> Vec<PathBuf> {
        [&self.ingress, &self.admin, &self.api]
            .into_iter()
            .chain(&self.workers)
            .map(Role::log)
            .collect()
    }
}

async fn simulator(options: &Options) -> Result<Simulator, DevError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(DevError::Listen)?;
    let config = stripe_simulator::Config {
        seed: options.seed,
        api_version: crate::stripe_api::api_version().to_owned(),
        ..stripe_simulator::Config::default()
    };
    let simulator = Simulator::start(listener, config).map_err(DevError::Listen)?;
    if !options.calm {
        simulator.set_chaos(|chaos| *chaos = stripe_simulator::Chaos::rough());
    }
    Ok(simulator)
}

/// Opens the shop; its address. None with the real Stripe and without its publishable key.
async fn open_shop(
    options: &Options,
    simulator: Option<&Simulator>,
    store: &Store,
    api_url: &str,
    token: String,
) -> Result<Option<String>, DevError> {
    let card_form = match (simulator, &options.publishable_key) {
        (Some(simulator), _) => CardForm::Simulator { base: simulator.base_url().to_owned() },
        (None, Some(key)) => CardForm::Stripe { publishable_key: key.clone() },
        (None, None) => return Ok(None),
    };
    let parts = shop::Parts {
        api: api_url.to_owned(),
        token,
        store: store.clone(),
        card_form,
        sellers: simulator.and_then(sellers),
        plan: simulator.and_then(plan),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(DevError::Listen)?;
    let address = listener.local_addr().map_err(DevError::Listen)?;
    shop::serve(listener, parts);
    Ok(Some(format!("http://{address}/")))
}

/// Makes a token of the API that may do everything, and the settings that know it.
fn token_of(caller: &str, env: &mut Vec<(String, OsString)>) -> String {
    let token = auth::new_token(rand::random());
    let name = |field: &str| format!("QUITTANCE__API__TOKENS__{}__{field}", caller.to_uppercase());
    env.push((name("HASH"), auth::hash_of(&token).into()));
    let scopes = ApiScope::ALL.iter().map(|scope| scope.as_str());
    env.push((name("SCOPES"), scopes.collect::<Vec<_>>().join(",").into()));
    token
}

/// Two sellers, of which one has finished onboarding. None if the simulator refuses a step, which it says in the
/// log; then there is no marketplace.
fn sellers(simulator: &Simulator) -> Option<Sellers> {
    let platform = simulator.platform();
    let make = || {
        let verified = platform.connect_new()?;
        verified.move_account(AccountStep::Onboarded)?;
        let unverified = platform.connect_new()?;
        Ok::<_, stripe_simulator::ApiError>(Sellers {
            verified: verified.id().to_owned(),
            unverified: unverified.id().to_owned(),
        })
    };
    make().inspect_err(|error| tracing::error!(%error, "the simulator made no sellers")).ok()
}

/// Something to subscribe to. None if the simulator refuses it, which it says in the log.
fn plan(simulator: &Simulator) -> Option<Plan> {
    let platform = simulator.platform();
    let (amount, currency) = (900, "eur");
    let make = || {
        let product = platform.create_product(None, "Tea by post")?;
        platform.create_price(product["id"].as_str().unwrap_or_default(), amount, currency)
    };
    let made = make().inspect_err(|error| tracing::error!(%error, "the simulator made no price"));
    let price = made.ok()?["id"].as_str()?.to_owned();
    Some(Plan { price, amount, currency: currency.to_owned() })
}

/// The settings under which the roles meet the simulator: its key and address, no limit but the one
/// that it imposes itself, and leases short enough to see a dead worker's jobs move on.
fn simulated(simulator: &Simulator) -> Vec<(String, OsString)> {
    // The old secret is the first of our list: the one that matches is not always the first.
    let [new, old] = WEBHOOK_SECRETS;
    let pairs = [
        ("STRIPE_SECRET_KEY", simulator.secret_key().to_owned()),
        ("STRIPE_API_BASE", simulator.base_url().to_owned()),
        ("STRIPE_WEBHOOK_SECRET", format!("{old},{new}")),
        ("QUITTANCE__ENDPOINTS__CONNECT__SECRETS", CONNECT_SECRET.to_owned()),
        ("QUITTANCE__STRIPE__TIMEOUT", "2s".to_owned()),
        ("QUITTANCE__STRIPE__ENDPOINT_RATE", "2000".to_owned()),
        ("QUITTANCE__STRIPE__ACCOUNT_RATE", "4000".to_owned()),
        ("QUITTANCE__STRIPE__WRITE_ENDPOINT_RATE", "2000".to_owned()),
        ("QUITTANCE__STRIPE__WRITE_ACCOUNT_RATE", "4000".to_owned()),
        ("QUITTANCE__API__DEADLINE", "3s".to_owned()),
        ("QUITTANCE__API__LEASE", "5s".to_owned()),
        // Its lists show at once what was made.
        ("QUITTANCE__API__LIST_LAG", "2s".to_owned()),
        ("QUITTANCE__QUEUE__LEASE", "16s".to_owned()),
        ("QUITTANCE__WORKER__JOB_TIMEOUT", "5s".to_owned()),
        ("QUITTANCE__WORKER__GRACE", "5s".to_owned()),
        ("QUITTANCE__WORKER__PROBE_INTERVAL", "1s".to_owned()),
        ("QUITTANCE__SWEEP__INTERVAL", "1s".to_owned()),
        ("QUITTANCE__SWEEP__LONGEST_INTERVAL", "5s".to_owned()),
        ("QUITTANCE__SWEEP__OVERLAP", "5s".to_owned()),
        ("QUITTANCE__SWEEP__GRACE", "5s".to_owned()),
        // Its lists show at once what was made.
        ("QUITTANCE__SWEEP__SETTLE", "10s".to_owned()),
        ("QUITTANCE__RETRY__FIRST", "500ms".to_owned()),
        ("QUITTANCE__RETRY__CAP", "10s".to_owned()),
        // The delays are short here, and a webhook that was refused comes again no sooner for that.
        ("QUITTANCE__RETRY__MAX_ATTEMPTS", "40".to_owned()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.into())).into()
}

/// The settings that deliver every notification to the receiver and to the stream.
fn heard_by(receiver: &Receiver) -> Vec<(String, OsString)> {
    let pairs = [
        ("OUTBOX__START", "beginning"),
        ("OUTBOX__LEASE", "8s"),
        ("OUTBOX__STREAM__ENABLED", "true"),
        ("OUTBOX__DESTINATIONS__DEV__URL", &receiver.url),
        ("OUTBOX__DESTINATIONS__DEV__SECRETS", receiver::SECRET),
        ("OUTBOX__DESTINATIONS__DEV__TIMEOUT", "2s"),
        ("OUTBOX__DESTINATIONS__DEV__ALLOW_HTTP", "true"),
        ("OUTBOX__DESTINATIONS__DEV__ALLOW_PRIVATE", "true"),
    ];
    pairs.map(|(name, value)| (format!("QUITTANCE__{name}"), value.into())).into()
}

/// The settings that the roles will read, read here as they will: from this process' environment
/// with `env` over it.
fn settings(env: &[(String, OsString)]) -> Result<Settings, DevError> {
    let text = |value: &OsString| value.to_string_lossy().into_owned();
    let ours = env.iter().map(|(name, value)| (name.clone(), text(value)));
    let inherited = std::env::vars().filter(|(name, _)| !env.iter().any(|(n, _)| n == name));
    let path = std::env::var_os("QUITTANCE_CONFIG");
    Ok(crate::config::load(path.as_deref().map(Path::new), inherited.chain(ours))?)
}

/// Time for the roles to process what is left.
pub(super) const DRAIN_WITHIN: Duration = Duration::from_secs(300);
