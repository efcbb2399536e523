//! A private Postgres cluster.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;

use super::child::{Child, Launch};
use super::cluster::Cluster;
use super::error::ServerError;
use super::random;

/// Mode of a private Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether commits survive a crash of the machine. Without, tests are faster, and commits still
    /// survive a crash of Postgres itself.
    pub durable: bool,
}

/// A Postgres of our own. It stops when this is dropped.
#[derive(Debug)]
pub struct Postgres {
    child: Child,
    cluster: Cluster,
    options: Options,
    port: u16,
}

impl Postgres {
    /// Starts one with its data in `dir`. A cluster that is there is reused; else one is made.
    ///
    /// As root it runs as the user `postgres` (or `nobody`), and when that user may not reach `dir`,
    /// its data goes to `/var/tmp` instead: see [`Postgres::dir`].
    ///
    /// # Errors
    /// No fitting Postgres is installed, `dir` is in use, or it did not start.
    pub async fn start(dir: &Path, options: Options) -> Result<Self, ServerError> {
        let mut cluster = Cluster::open(dir)?;
        let mut log = launch(&cluster, options, 0).lock().await?;
        log.set_len(0).map_err(ServerError::io("empty", cluster.dir()))?;
        cluster.make(options.durable).await?;
        loop {
            let port = random::free_port();
            match run(&cluster, options, port, log).await {
                Err(e) if e.port_was_taken() => log = launch(&cluster, options, 0).lock().await?,
                child => return Ok(Self { child: child?, cluster, options, port }),
            }
        }
    }

    /// `postgres://postgres:password@127.0.0.1:port/database`, as superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{}/{database}",
            self.cluster.password(),
            self.port
        )
    }

    /// The process id of the server itself.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Where its data is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.cluster.dir()
    }

    /// Creates a database, unless it is there.
    ///
    /// # Errors
    /// `createdb` failed.
    pub async fn create_database(&self, name: &str) -> Result<(), ServerError> {
        self.cluster.create_database(name, self.port).await
    }

    /// Ends all sessions, stops it, and returns when it is gone.
    ///
    /// # Errors
    /// It could not be waited for.
    pub async fn stop(&mut self) -> Result<(), ServerError> {
        self.child.stop().await
    }

    /// Stops it, and starts it again on the same port. Also starts one that was stopped.
    ///
    /// # Errors
    /// It did not start again.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.stop().await?;
        self.start_again().await
    }

    /// Kills it with SIGKILL and starts it again, which runs its crash recovery.
    ///
    /// # Errors
    /// It did not start again.
    pub async fn crash_restart(&mut self) -> Result<(), ServerError> {
        self.kill().await?;
        self.start_again().await
    }

    /// Kills it with SIGKILL. `restart` brings it back.
    ///
    /// # Errors
    /// The signal could not be sent.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        self.child.signal(Signal::SIGKILL)?;
        self.child.gone().await
    }

    async fn start_again(&mut self) -> Result<(), ServerError> {
        let log = launch(&self.cluster, self.options, self.port).lock().await?;
        self.child = run(&self.cluster, self.options, self.port, log).await?;
        Ok(())
    }
}

async fn run(
    cluster: &Cluster,
    options: Options,
    port: u16,
    log: fs::File,
) -> Result<Child, ServerError> {
    // The lock says that no process of this cluster is left. Postgres itself goes by the number in
    // this file, which after a reboot may be that of any other process.
    let stale = cluster.pid_file();
    match fs::remove_file(&stale) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(ServerError::io("remove", &stale)(e));
        }
        _ => {}
    }
    let mut child = launch(cluster, options, port).spawn(log)?;
    child.ready(async |pid| cluster.says_ready(pid)).await?;
    Ok(child)
}

fn launch(cluster: &Cluster, options: Options, port: u16) -> Launch {
    let mut settings = vec![
        // Loopback TCP alone: a socket's path may be no longer than about 100 bytes.
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        format!("port={port}"),
        // Many tests at once, each with its pool.
        "max_connections=400".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "cluster_name=quittance".to_owned(),
    ];
    if !options.durable {
        // These matter when the machine fails. `synchronous_commit` stays on: without it, a kill -9 of
        // Postgres would lose commits that it had confirmed.
        settings.extend(["fsync=off".to_owned(), "full_page_writes=off".to_owned()]);
    }
    let mut args = vec!["-D".into(), cluster.data().into()];
    args.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
    Launch {
        server: "Postgres",
        program: cluster.program("postgres"),
        args,
        dir: cluster.dir().to_owned(),
        env: Vec::new(),
        user: cluster.user().cloned(),
        // Fast: end the sessions and write a checkpoint. Immediate: leave it to recovery.
        stop_steps: "INT:100 QUIT:80",
    }
}
