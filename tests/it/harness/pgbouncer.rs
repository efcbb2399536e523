//! A PgBouncer of a test's own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use quittance::config::{Database, Secret};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use url::Url;

use super::{eventually, temp_dir};

/// It is killed when this is dropped.
pub(crate) struct PgBouncer {
    port: u16,
    _process: Child,
    _dir: TempDir,
}

/// The same places as in scripts/setup.sh.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin".into(), "/usr/local/sbin".into(), "/opt/homebrew/bin".into()]);
    folders.into_iter().map(|folder| folder.join("pgbouncer")).find(|file| file.is_file())
}

impl PgBouncer {
    /// One in front of the server of a URL, in a mode: `session` or `transaction`. None where it is
    /// not installed and nobody demanded it.
    pub(crate) async fn start(server: &str, mode: &str) -> Option<Self> {
        let Some(program) = program() else {
            let required = std::env::var_os("QUITTANCE_REQUIRE_PGBOUNCER").is_some();
            assert!(!required, "PgBouncer is missing: scripts/setup.sh --pgbouncer");
            eprintln!("skipped: no PgBouncer here");
            return None;
        };
        let (dir, server) = (temp_dir(), Url::parse(server).unwrap());
        let file = dir.path().join("pgbouncer.ini");
        loop {
            let port = free_port().await;
            // It signs in at Postgres by itself, and takes whoever comes.
            let settings = format!(
                "[databases]\n* = host={} port={} user={} password={}\n[pgbouncer]\n\
                 listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
                 auth_type = any\npool_mode = {mode}\nmax_client_conn = 200\n\
                 default_pool_size = 20\n",
                server.host_str().unwrap(),
                server.port().unwrap(),
                server.username(),
                server.password().unwrap(),
            );
            std::fs::write(&file, settings).unwrap();
            let mut command = Command::new(&program);
            command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if nix::unistd::geteuid().is_root() {
                command.args(["-u", "nobody"]);
            }
            let mut process = command.kill_on_drop(true).spawn().unwrap();
            let (mut listens, mut ended) = (false, false);
            eventually("PgBouncer listens, or its port was taken", async || {
                listens = TcpStream::connect(("127.0.0.1", port)).await.is_ok();
                ended = process.try_wait().unwrap().is_some();
                listens || ended
            })
            .await;
            if listens && process.try_wait().unwrap().is_none() {
                return Some(Self { port, _process: process, _dir: dir });
            }
        }
    }

    /// The URL of a database by way of here.
    pub(crate) fn url(&self, database: &str) -> String {
        let mut url = Url::parse(database).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.into()
    }

    /// The same, for the store.
    pub(crate) fn settings(&self, database: &str) -> Database {
        Database {
            url: Secret::new(self.url(database)),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(60),
        }
    }
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}
