//! A Postgres cluster on disk: made once, then reused.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::User;

use super::child::prepare;
use super::error::ServerError;
use super::{find, place, random};

/// A directory with `data/` and `password`, the programs that fit it, and the user that owns it.
#[derive(Debug)]
pub(super) struct Cluster {
    dir: PathBuf,
    programs: PathBuf,
    user: Option<User>,
    password: String,
}

impl Cluster {
    /// Finds the place and the programs. Nothing is made yet but the directory.
    pub(super) fn open(dir: &Path) -> Result<Self, ServerError> {
        let user = place::postgres_user()?;
        let dir = place::create_for(dir, user.as_ref())?;
        let made_by = fs::read_to_string(dir.join("data/PG_VERSION"));
        let programs = find::postgres(made_by.ok().and_then(|v| v.trim().parse().ok()))?;
        Ok(Self { dir, programs, user, password: String::new() })
    }

    /// Makes the cluster unless it is there, and reads its password. The caller holds the lock.
    pub(super) async fn make(&mut self, durable: bool) -> Result<(), ServerError> {
        let password_file = self.dir.join("password");
        if !self.data().exists() {
            self.write_password(&password_file)?;
            self.initdb(&password_file, durable).await?;
        }
        self.password = fs::read_to_string(&password_file)
            .map_err(ServerError::io("read", &password_file))?
            .trim()
            .to_owned();
        Ok(())
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(super) fn pid_file(&self) -> PathBuf {
        self.data().join("postmaster.pid")
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    pub(super) fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// Whether the server `pid` accepts connections: its own word in `postmaster.pid`, which is what
    /// `pg_ctl` goes by too. Line 1 is the process id, line 8 the status.
    pub(super) fn says_ready(&self, pid: u32) -> bool {
        let text = fs::read_to_string(self.pid_file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.first().is_some_and(|line| *line == pid.to_string())
            && lines.get(7).is_some_and(|line| *line == "ready")
    }

    /// Creates a database, unless it is there.
    pub(super) async fn create_database(&self, name: &str, port: u16) -> Result<(), ServerError> {
        let mut command = self.command("createdb");
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &port.to_string(), "--", name]);
        // Not as an argument, which every user of the machine could read.
        command.env("PGPASSWORD", &self.password);
        match run("createdb", command).await {
            Err(ServerError::Helper { output, .. }) if output.contains("already exists") => Ok(()),
            result => result,
        }
    }

    async fn initdb(&self, password_file: &Path, durable: bool) -> Result<(), ServerError> {
        // Made beside its place and then moved there, so that one that was interrupted is never used.
        let unfinished = self.dir.join("data.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(ServerError::io("remove", &unfinished))?;
        }
        let mut command = self.command("initdb");
        command
            .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
            .arg("--pwfile")
            .arg(password_file)
            .arg("--pgdata")
            .arg(&unfinished);
        if !durable {
            command.arg("--no-sync");
        }
        run("initdb", command).await?;
        fs::rename(&unfinished, self.data()).map_err(ServerError::io("move", &unfinished))
    }

    fn write_password(&self, path: &Path) -> Result<(), ServerError> {
        fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| writeln!(file, "{}", random::password()))
            .map_err(ServerError::io("write", path))?;
        match &self.user {
            // `initdb` reads it as that user.
            Some(user) => chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .map_err(ServerError::io("give away", path)),
            None => Ok(()),
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.program(program));
        prepare(&mut command, self.user.as_ref());
        command.current_dir(&self.dir);
        command
    }
}

async fn run(program: &'static str, command: Command) -> Result<(), ServerError> {
    let path = PathBuf::from(command.get_program());
    let output = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(ServerError::io("run", &path))?;
    if output.status.success() {
        return Ok(());
    }
    Err(ServerError::Helper {
        program,
        status: output.status.to_string(),
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
