//! The program itself, as a process.

use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::settings::environment;
use super::within;

/// A role that runs. It is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// What it has logged so far, as far as a test has waited for it.
    pub(crate) logged: String,
}

/// End of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn command(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance"));
    command.args(args).env_clear().envs(environment(env)).kill_on_drop(true);
    command.env("QUITTANCE__LOG__FORMAT", "json").stdin(Stdio::null());
    command
}

impl Program {
    /// Runs a command to its end.
    pub(crate) async fn run(args: &[&str], env: &[(&str, &str)]) -> Ended {
        let output = command(args, env).output().await.unwrap();
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command that prints line after line, and interrupts it after so many; how it ended,
    /// and those lines.
    pub(crate) async fn watched(
        args: &[&str],
        env: &[(&str, &str)],
        lines: usize,
    ) -> (Option<i32>, Vec<String>) {
        let mut child = command(args, env).stdout(Stdio::piped()).spawn().unwrap();
        let mut printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = Vec::new();
        while seen.len() < lines {
            seen.push(within("a line", printed.next_line()).await.unwrap().expect("it goes on"));
        }
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), Signal::SIGINT).unwrap();
        (within("its end", child.wait()).await.unwrap().code(), seen)
    }

    /// Starts a role.
    pub(crate) fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child =
            command(args, env).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, log, logged: String::new() }
    }

    /// Waits until it logs a line with this in it.
    pub(crate) async fn says(&mut self, text: &str) {
        while let Some(line) = within(text, self.log.next_line()).await.unwrap() {
            self.logged.push_str(&line);
            self.logged.push('\n');
            if line.contains(text) {
                return;
            }
        }
        panic!("it ended without a word of {text:?}:\n{}", self.logged);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Waits for its end, reading on what it logs.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        while let Some(line) = within("its end", self.log.next_line()).await.unwrap() {
            self.logged.push_str(&line);
            self.logged.push('\n');
        }
        self.child.wait().await.unwrap()
    }
}
