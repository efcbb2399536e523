//! Runs a command beside a private Redis and Postgres: `quittance dev exec -- cargo test`.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::scratch::Scratch;
use super::servers::{Options, ServerError, Servers};

/// The command could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// There is none.
    #[error("no command was given; write `quittance dev exec -- COMMAND...`")]
    NoCommand,
    /// Its servers are missing.
    #[error(transparent)]
    Servers(#[from] ServerError),
    /// No directory for them.
    #[error("cannot make a temporary directory: {0}")]
    Scratch(#[source] io::Error),
    /// It did not start.
    #[error("cannot run {command:?}: {source}")]
    Command {
        /// The program.
        command: OsString,
        /// The reason.
        source: io::Error,
    },
}

/// Starts private servers in a temporary directory, runs `command` with `QUITTANCE_TEST_REDIS_URL` and
/// `QUITTANCE_TEST_DATABASE_URL` (a superuser's, on which tests create databases), and stops them.
///
/// SIGINT and SIGTERM go to the command. Returns its exit code: 128 + N when signal N ended it.
///
/// # Errors
/// There is no command, or it or a server did not start.
pub async fn exec(command: Vec<OsString>) -> Result<u8, ExecError> {
    let (program, args) = command.split_first().ok_or(ExecError::NoCommand)?;
    let failed = |source| ExecError::Command { command: program.clone(), source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;

    let scratch = Scratch::create().map_err(ExecError::Scratch)?;
    let mut servers = tokio::select! {
        servers = Servers::start(scratch.path(), Options { durable: false }) => servers?,
        _ = interrupt.recv() => return Ok(128 + SIGINT),
        _ = terminate.recv() => return Ok(128 + SIGTERM),
    };
    let mut child = Command::new(program)
        .args(args)
        .env("QUITTANCE_TEST_REDIS_URL", servers.redis.url())
        .env("QUITTANCE_TEST_DATABASE_URL", servers.postgres.url("postgres"))
        .spawn()
        .map_err(failed)?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(failed)?,
            _ = interrupt.recv() => forward(&child, Signal::SIGINT),
            _ = terminate.recv() => forward(&child, Signal::SIGTERM),
        }
    };
    servers.stop().await?;
    Ok(code(status))
}

const SIGINT: u8 = 2;
const SIGTERM: u8 = 15;

/// To the command, unless it has ended: `id` is none then.
fn forward(child: &Child, signal: Signal) {
    let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()) else { return };
    if let Err(error) = kill(Pid::from_raw(pid), signal) {
        tracing::warn!(%signal, %error, "could not pass a signal on");
    }
}

/// As a shell would say it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
