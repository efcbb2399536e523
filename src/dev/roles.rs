//! The product's own roles as child processes of `quittance dev`.
//!
//! Real processes, started as anyone would start them: what is shown is what runs in production,
//! settings and signals included, and a worker can be killed without taking the rest along.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use tokio::net::TcpStream;

use super::servers::ServerError;
use super::servers::child::{Child, Launch};
use super::servers::place;

/// One running role.
#[derive(Debug)]
pub(super) struct Role {
    launch: Launch,
    child: Child,
}

impl Role {
    /// Starts `quittance <role>` with its log in `dir`.
    pub(super) async fn start(
        role: &'static str,
        dir: &Path,
        env: Vec<(String, OsString)>,
    ) -> Result<Self, ServerError> {
        let program = std::env::current_exe()
            .map_err(ServerError::io("find", Path::new("the running program")))?;
        let launch = Launch {
            server: role,
            program,
            args: vec![role.into()],
            dir: place::create(dir)?,
            env,
            user: None,
            // Longer than the role's own grace period in `quittance dev`.
            stop_steps: "TERM:80",
        };
        let child = spawn(&launch).await?;
        Ok(Self { launch, child })
    }

    /// Waits until it listens on `port`.
    pub(super) async fn listening(&mut self, port: u16) -> Result<(), ServerError> {
        let probe = async |_| TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        self.child.ready(probe).await
    }

    /// SIGKILL: no chance to say goodbye.
    pub(super) async fn kill(&mut self) -> Result<(), ServerError> {
        self.child.signal(Signal::SIGKILL)?;
        self.child.gone().await
    }

    /// Starts it again if it has ended for any reason. `true` when it had.
    pub(super) async fn revive(&mut self) -> Result<bool, ServerError> {
        if self.child.exited()?.is_none() {
            return Ok(false);
        }
        self.child = spawn(&self.launch).await?;
        Ok(true)
    }

    /// Stops it in order, and returns when it is gone.
    pub(super) async fn stop(&mut self) -> Result<(), ServerError> {
        self.child.stop().await
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Where it logs.
    pub(super) fn log(&self) -> PathBuf {
        self.launch.log()
    }
}

async fn spawn(launch: &Launch) -> Result<Child, ServerError> {
    let log = launch.lock().await?;
    launch.clone().spawn(log)
}
