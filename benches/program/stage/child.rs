//! A process that ends with this one.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// Names the part that this program plays when it is started once more.
const PART: &str = "BENCH_PART";

/// A child process.
pub(crate) struct Child(tokio::process::Child);

impl Child {
    /// A role of the program.
    pub(crate) fn role(name: &str, env: &[(String, String)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quittance"));
        command.arg(name).env_clear().envs(env.iter().cloned()).kill_on_drop(true);
        Self(command.spawn().unwrap())
    }

    /// This program once more, in another part, and the line that it says first.
    pub(crate) async fn part(name: &str, env: &[(String, String)]) -> (Self, String) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env_clear().envs(env.iter().cloned()).env(PART, name);
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = said.next_line().await.unwrap();
        (Self(child), first.unwrap_or_else(|| panic!("{name} ended without a word")))
    }

    /// The part that this process was started for.
    pub(crate) fn is_part() -> Option<String> {
        std::env::var(PART).ok()
    }

    /// The most memory that it ever had resident, in megabytes.
    pub(crate) fn peak_memory(&self) -> f64 {
        let status = format!("/proc/{}/status", self.0.id().unwrap());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Ends it.
    pub(crate) async fn end(mut self) {
        self.0.kill().await.unwrap();
    }
}
