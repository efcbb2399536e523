//! What every measurement of the whole program needs: private servers, the roles as processes of
//! their own, and a reader of many timings.

mod child;
mod timings;

use std::fs::Permissions;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

pub(crate) use child::Child;
use quittance::config::{self, Settings};
use quittance::dev::servers::{self, Servers};
use quittance::store::schema;
use tempfile::TempDir;
pub(crate) use timings::Timings;

/// The signing secret of the only endpoint.
pub(crate) const SECRET: &str = "whsec_bench";

/// Servers, a migrated database, and the settings with which any process of the program joins in.
/// Dropped from the top: the processes before the servers, these before their files.
pub(crate) struct Stage {
    roles: Vec<(String, Child)>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) url: String,
    pub(crate) servers: Servers,
    dir: TempDir,
    port: u16,
    api_port: u16,
}

impl Stage {
    /// Starts the servers as in production: each commit reaches the disk, and what Redis
    /// acknowledged gets there within a second.
    pub(crate) async fn set() -> Self {
        // Postgres' own user passes through when this runs as root.
        let dir = tempfile::Builder::new()
            .prefix("quittance-bench-")
            .permissions(Permissions::from_mode(0o711))
            .tempdir()
            .unwrap();
        let servers = Servers::start(dir.path(), servers::Options { durable: true }).await.unwrap();
        let url = servers.postgres.url("bench");
        let (port, api_port) = (free_port(), free_port());
        let mut env = pairs(&[
            ("DATABASE_URL", &url),
            ("REDIS_URL", &servers.redis.url()),
            ("STRIPE_WEBHOOK_SECRET", SECRET),
            ("QUITTANCE__INGRESS__LISTEN", &format!("127.0.0.1:{port}")),
            ("QUITTANCE__API__LISTEN", &format!("127.0.0.1:{api_port}")),
            ("QUITTANCE__LOG__FILTER", "warn"),
        ]);
        // To try a setting: QUITTANCE__WORKER__CONCURRENCY=64 make bench PARTS=worker
        env.extend(std::env::vars().filter(|(name, _)| name.starts_with("QUITTANCE__")));
        let stage = Self { roles: Vec::new(), env, url, servers, dir, port, api_port };
        stage.database(&stage.url).await;
        stage
    }

    /// Makes an empty database with our schema.
    pub(crate) async fn database(&self, url: &str) {
        schema::create_database(url, true).await.unwrap();
        let mut env = self.env.clone();
        env.retain(|(name, _)| name != "DATABASE_URL");
        env.extend(pairs(&[("DATABASE_URL", url)]));
        schema::migrate(&settings(&env).database).await.unwrap();
    }

    /// Adds settings, for the roles that start from here on.
    pub(crate) fn with(&mut self, settings: &[(&str, &str)]) {
        self.env.retain(|(name, _)| settings.iter().all(|(new, _)| new != name));
        self.env.extend(pairs(settings));
    }

    /// The API that stands for Stripe's, and a rate at which it is not what is measured.
    pub(crate) fn asks(&mut self, api: &str, key: &str) {
        self.with(&[
            ("STRIPE_API_BASE", api),
            ("STRIPE_SECRET_KEY", key),
            ("QUITTANCE__STRIPE__ENDPOINT_RATE", "1000000"),
            ("QUITTANCE__STRIPE__ACCOUNT_RATE", "1000000"),
            ("QUITTANCE__STRIPE__WRITE_ENDPOINT_RATE", "1000000"),
            ("QUITTANCE__STRIPE__WRITE_ACCOUNT_RATE", "1000000"),
        ]);
    }

    /// Starts a role, and waits until the ingress or the API listens.
    pub(crate) async fn start(&mut self, role: &str) {
        let child = Child::role(role, &self.env);
        let port = match role {
            "ingress" => Some(self.port),
            "api" => Some(self.api_port),
            _ => None,
        };
        while port.is_some_and(|port| TcpStream::connect(("127.0.0.1", port)).is_err()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.roles.push((role.to_owned(), child));
    }

    /// The process of a role.
    pub(crate) fn role(&self, role: &str) -> &Child {
        &self.roles.iter().find(|(name, _)| name == role).unwrap().1
    }

    /// Ends all roles, and returns when they are gone.
    pub(crate) async fn clear(&mut self) {
        for (_, role) in self.roles.drain(..) {
            role.end().await;
        }
    }

    /// Where the ingress listens.
    pub(crate) fn ingress(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where the API listens.
    pub(crate) fn api(&self) -> String {
        format!("127.0.0.1:{}", self.api_port)
    }

    pub(crate) fn webhooks(&self) -> String {
        format!("http://{}/webhooks/stripe", self.ingress())
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(&self.env)
    }

    /// A directory that goes when all is over.
    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }
}

pub(crate) fn settings(env: &[(String, String)]) -> Settings {
    config::load(None, env.iter().cloned()).unwrap()
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
