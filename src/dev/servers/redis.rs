//! A private Redis (or Valkey), append-only file on.

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::child::{Child, Launch};
use super::error::ServerError;
use super::{find, place, random};

/// A Redis of our own. It stops when this is dropped.
#[derive(Debug)]
pub struct Redis {
    child: Child,
    launch: Launch,
    port: u16,
    password: String,
}

impl Redis {
    /// Starts one with its data in `dir`. What is there is loaded.
    ///
    /// # Errors
    /// No `redis-server` or `valkey-server` is installed, `dir` is in use, or it did not start.
    pub async fn start(dir: &Path) -> Result<Self, ServerError> {
        Self::start_with(dir, &[]).await
    }

    /// The same with further lines for its `redis.conf`.
    ///
    /// # Errors
    /// As for [`Redis::start`].
    pub async fn start_with(dir: &Path, settings: &[&str]) -> Result<Self, ServerError> {
        let dir = place::create(dir)?;
        let program = find::redis()?;
        let password = random::password();
        loop {
            let port = random::free_port();
            let launch = Launch {
                server: "Redis",
                program: program.clone(),
                args: vec![dir.join("redis.conf").into()],
                dir: dir.clone(),
                env: Vec::new(),
                user: None,
                // It writes what is left of the append-only file when it is asked to end.
                stop_steps: "TERM:100",
            };
            let log = launch.lock().await?;
            log.set_len(0).map_err(ServerError::io("empty", &launch.log()))?;
            write_settings(&dir, port, &password, settings)?;
            let child = run(launch.clone(), log, port, &password).await;
            match child {
                Err(e) if e.port_was_taken() => {}
                child => return Ok(Self { child: child?, launch, port, password }),
            }
        }
    }

    /// `redis://:password@127.0.0.1:port/`
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}/", self.password, self.port)
    }

    /// The process id of the server itself.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Stops it gracefully, and returns when it is gone.
    ///
    /// # Errors
    /// It could not be waited for.
    pub async fn stop(&mut self) -> Result<(), ServerError> {
        self.child.stop().await
    }

    /// Stops it gracefully, and starts it again with its data, on the same port. Also starts one that
    /// was stopped.
    ///
    /// # Errors
    /// It did not start again.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.stop().await?;
        self.start_again().await
    }

    /// Kills it with SIGKILL, and starts it again with what its append-only file has kept.
    ///
    /// # Errors
    /// It did not start again.
    pub async fn crash_restart(&mut self) -> Result<(), ServerError> {
        self.kill().await?;
        self.start_again().await
    }

    /// Empties it, as FLUSHALL does by mistake.
    ///
    /// # Errors
    /// It did not answer.
    pub async fn wipe(&self) -> Result<(), ServerError> {
        let answered = ask(self.port, &self.password, "FLUSHALL", b"+OK\r\n+OK\r\n").await;
        match answered {
            Ok(true) => Ok(()),
            Ok(false) => Err(ServerError::io("empty", &self.launch.dir)(
                std::io::ErrorKind::InvalidData.into(),
            )),
            Err(error) => Err(ServerError::io("empty", &self.launch.dir)(error)),
        }
    }

    /// Kills it with SIGKILL. `restart` brings it back.
    ///
    /// # Errors
    /// The signal could not be sent.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        self.child.signal(Signal::SIGKILL)?;
        self.child.gone().await
    }

    /// Stops its clock (SIGSTOP): connections stay open, and nothing is answered.
    ///
    /// # Errors
    /// The signal could not be sent.
    pub fn pause(&mut self) -> Result<(), ServerError> {
        self.child.signal(Signal::SIGSTOP)
    }

    /// Lets a paused one go on.
    ///
    /// # Errors
    /// The signal could not be sent.
    pub fn resume(&mut self) -> Result<(), ServerError> {
        self.child.signal(Signal::SIGCONT)
    }

    async fn start_again(&mut self) -> Result<(), ServerError> {
        let log = self.launch.lock().await?;
        self.child = run(self.launch.clone(), log, self.port, &self.password).await?;
        Ok(())
    }
}

async fn run(
    launch: Launch,
    log: fs::File,
    port: u16,
    password: &str,
) -> Result<Child, ServerError> {
    let mut child = launch.spawn(log)?;
    child.ready(async |_| answers(port, password).await).await?;
    Ok(child)
}

/// Whether ours is there and has loaded its data. Another server on this port would refuse the
/// password.
async fn answers(port: u16, password: &str) -> bool {
    ask(port, password, "PING", b"+OK\r\n+PONG\r\n").await.unwrap_or(false)
}

/// Whether the password and a command are answered like this.
async fn ask(port: u16, password: &str, command: &str, expected: &[u8]) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.write_all(format!("AUTH {password}\r\n{command}\r\n").as_bytes()).await?;
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer).await?;
    Ok(answer == expected)
}

/// A file, because a password on the command line could be read by every user of the machine.
fn write_settings(dir: &Path, port: u16, password: &str, more: &[&str]) -> Result<(), ServerError> {
    let path: PathBuf = dir.join("redis.conf");
    let quoted = dir.to_string_lossy().replace('\\', r"\\").replace('"', "\\\"");
    let settings = format!(
        "bind 127.0.0.1\nport {port}\nprotected-mode yes\nrequirepass {password}\ndaemonize no\n\
         dir \"{quoted}\"\nappendonly yes\nappendfsync everysec\nsave \"\"\n\
         maxmemory-policy noeviction\n{}\n",
        more.join("\n")
    );
    fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(settings.as_bytes()))
        .map_err(ServerError::io("write", &path))
}
