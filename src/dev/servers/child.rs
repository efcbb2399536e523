//! One server process that ends with this one, always.
//!
//! Between us and the server stands `supervisor.sh`, which holds the read end of a pipe. When its
//! write end closes (a stop, a drop, a panic, or SIGKILL of this process), the supervisor ends the
//! server: politely, then with SIGKILL. That needs no `unsafe`, and works on every Unix.
//!
//! The server's log is also its lock: the file stays locked for as long as any process, supervisor,
//! server or one of its workers, has it open for writing. So a directory is never served twice, and
//! a server that was killed is started again only when the last of its processes is gone.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};

use super::error::ServerError;

const SUPERVISOR: &str = include_str!("supervisor.sh");

/// Polling interval of a condition that nothing announces.
const POLL: Duration = Duration::from_millis(10);

/// Time for a server to become ready; recovery after a crash is part of it.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Time for a server's last process to end. Longer than all stop steps together.
const GONE_WITHIN: Duration = Duration::from_secs(30);

/// A program to run, and how to stop it.
#[derive(Debug, Clone)]
pub(in crate::dev) struct Launch {
    /// The server's name, for messages.
    pub(in crate::dev) server: &'static str,
    pub(in crate::dev) program: PathBuf,
    pub(in crate::dev) args: Vec<OsString>,
    /// Where it runs, and where its log is.
    pub(in crate::dev) dir: PathBuf,
    /// What its environment has beyond ours.
    pub(in crate::dev) env: Vec<(String, OsString)>,
    /// As whom it runs, where that is not us.
    pub(in crate::dev) user: Option<User>,
    /// `SIGNAL:TENTHS_OF_A_SECOND` steps before SIGKILL.
    pub(in crate::dev) stop_steps: &'static str,
}

/// A running server.
#[derive(Debug)]
pub(in crate::dev) struct Child {
    launch: Launch,
    supervisor: std::process::Child,
    pipe: Option<ChildStdin>,
    pid: Pid,
    /// Where in the log this run begins.
    log_from: u64,
}

impl Launch {
    pub(in crate::dev) fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    /// Waits until no process of a former server is left, and locks the directory.
    pub(in crate::dev) async fn lock(&self) -> Result<File, ServerError> {
        self.lock_within(GONE_WITHIN).await
    }

    async fn lock_within(&self, limit: Duration) -> Result<File, ServerError> {
        const SILENT: Duration = Duration::from_secs(2);
        let path = self.log();
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(ServerError::io("open", &path))?;
        let start = Instant::now();
        let mut told = false;
        loop {
            match log.try_lock() {
                Ok(()) => return Ok(log),
                Err(TryLockError::Error(e)) => return Err(ServerError::io("lock", &path)(e)),
                Err(TryLockError::WouldBlock) if start.elapsed() >= limit => {
                    return Err(ServerError::InUse { server: self.server, dir: self.dir.clone() });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
            }
            if !told && start.elapsed() > SILENT {
                told = true;
                let dir = self.dir.display();
                tracing::info!(server = self.server, %dir, "waiting for the server before to end");
            }
        }
    }

    /// Starts the server. It keeps `log` locked.
    pub(in crate::dev) fn spawn(self, log: File) -> Result<Child, ServerError> {
        let path = self.log();
        let log_from = log.metadata().map_err(ServerError::io("read", &path))?.len();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SUPERVISOR, "supervisor", self.stop_steps])
            .arg(&self.program)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            // Ctrl-C in the terminal is for us: we decide when the servers go.
            .process_group(0);
        prepare(&mut command, self.user.as_ref());
        let mut supervisor = command.spawn().map_err(ServerError::io("run", &self.program))?;
        drop(command);
        let pipe = supervisor.stdin.take();
        let mut line = String::new();
        if let Some(stdout) = supervisor.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(ServerError::io("run", &self.program))?;
        }
        let Ok(pid) = line.trim().parse() else {
            drop(pipe);
            let status = supervisor.wait().map_err(ServerError::io("run", &self.program))?;
            return Err(self.failed(format!("its supervisor ended with {status}"), log_from));
        };
        Ok(Child { launch: self, supervisor, pipe, pid: Pid::from_raw(pid), log_from })
    }

    fn failed(&self, why: String, log_from: u64) -> ServerError {
        let (log, dir) = (self.log(), self.dir.clone());
        let tail = tail(&log, log_from).unwrap_or_else(|e| format!("(unreadable: {e})"));
        ServerError::Start { server: self.server, why, log, tail, dir }
    }
}

impl Child {
    pub(in crate::dev) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Waits until `probe` says yes.
    pub(in crate::dev) async fn ready(
        &mut self,
        mut probe: impl AsyncFnMut(u32) -> bool,
    ) -> Result<(), ServerError> {
        let deadline = Instant::now() + READY_WITHIN;
        while !probe(self.pid()).await {
            if let Some(status) = self.exited()? {
                return Err(self.launch.failed(format!("it ended with {status}"), self.log_from));
            }
            if Instant::now() > deadline {
                let why = format!("it was not ready after {} s", READY_WITHIN.as_secs());
                return Err(self.launch.failed(why, self.log_from));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Sends a signal to the server itself. A server that is gone already is no error.
    pub(in crate::dev) fn signal(&mut self, signal: Signal) -> Result<(), ServerError> {
        if self.exited()?.is_some() {
            return Ok(());
        }
        match kill(self.pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(e) => Err(ServerError::io("signal", &self.launch.program)(e.into())),
        }
    }

    /// Has the supervisor stop the server, and waits until both are gone.
    pub(in crate::dev) async fn stop(&mut self) -> Result<(), ServerError> {
        self.pipe = None;
        self.gone().await
    }

    /// Waits until server and supervisor are gone. The caller has seen to it that they go.
    pub(in crate::dev) async fn gone(&mut self) -> Result<(), ServerError> {
        while self.exited()?.is_none() {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// How it ended, if it has.
    pub(in crate::dev) fn exited(&mut self) -> Result<Option<ExitStatus>, ServerError> {
        self.supervisor.try_wait().map_err(ServerError::io("wait for", &self.launch.program))
    }
}

impl Drop for Child {
    /// Stops the server and waits for it, so that its directory can be removed afterwards. It blocks
    /// for the milliseconds that takes: where that matters, `stop` was called before.
    fn drop(&mut self) {
        self.pipe = None;
        if let Err(e) = self.supervisor.wait() {
            tracing::warn!(server = self.launch.server, error = %e, "could not wait for the server");
        }
    }
}

/// What all programs of a server have in common: no settings from our environment, messages in
/// English, and another user where need be.
pub(in crate::dev) fn prepare(command: &mut Command, user: Option<&User>) {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C");
    if let Some(user) = user {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
}

/// The last lines that were logged since `from`.
fn tail(log: &Path, from: u64) -> std::io::Result<String> {
    const LINES: usize = 15;
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(LINES)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_directory_is_not_served_twice_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let launch = Launch {
            server: "sleep",
            program: "/bin/sleep".into(),
            args: vec!["600".into()],
            dir: dir.path().to_owned(),
            env: Vec::new(),
            user: None,
            stop_steps: "TERM:100",
        };
        let mut child = launch.clone().spawn(launch.lock().await.unwrap()).unwrap();
        let second = launch.lock_within(Duration::ZERO).await;
        assert!(matches!(second, Err(ServerError::InUse { .. })), "{second:?}");
        child.stop().await.unwrap();
        launch.lock().await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_ignores_a_polite_stop_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let launch = Launch {
            server: "deaf",
            program: "/bin/sh".into(),
            args: vec![
                "-c".into(),
                "trap '' TERM; echo deaf >&2; while :; do sleep 1; done".into(),
            ],
            dir: dir.path().to_owned(),
            env: Vec::new(),
            user: None,
            stop_steps: "TERM:2",
        };
        let mut child = launch.clone().spawn(launch.lock().await.unwrap()).unwrap();
        let log = launch.log();
        child.ready(async |_| std::fs::read(&log).is_ok_and(|log| !log.is_empty())).await.unwrap();
        child.stop().await.unwrap();
        assert_eq!(kill(Pid::from_raw(child.pid().cast_signed()), None), Err(Errno::ESRCH));
    }
}
