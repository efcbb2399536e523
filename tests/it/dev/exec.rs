//! `quittance dev exec`

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::wait_until_gone;

fn exec(script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance"));
    command
        .args(["dev", "exec", "--", "sh", "-c", script])
        .env_remove("QUITTANCE_TEST_REDIS_URL")
        .env_remove("QUITTANCE_TEST_DATABASE_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// Starts it and reads the first line that the script prints.
fn start(script: &str) -> (Child, String) {
    let mut child = exec(script).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().to_owned())
}

/// The processes that a process has started, and that run.
fn children_of(parent: u32) -> Vec<u32> {
    let output = Command::new("ps").args(["-A", "-o", "ppid=,pid="]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let pairs = text.lines().map(|line| {
        let mut ids = line.split_whitespace().map(|id| id.parse::<u32>().unwrap());
        (ids.next().unwrap(), ids.next().unwrap())
    });
    pairs.filter(|(ppid, _)| *ppid == parent).map(|(_, pid)| pid).collect()
}

fn listens(url: &str) -> bool {
    let url = url::Url::parse(url).unwrap();
    TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).is_ok()
}

#[test]
fn runs_the_command_beside_both_servers_and_leaves_none() {
    let script =
        "echo $QUITTANCE_TEST_REDIS_URL $QUITTANCE_TEST_DATABASE_URL; read -r line; exit 7";
    let mut child = exec(script).stdin(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (redis, postgres) = line.trim().split_once(' ').unwrap();
    assert!(redis.starts_with("redis://") && postgres.starts_with("postgres://"), "{line}");
    assert!(listens(redis) && listens(postgres));
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert!(!listens(redis) && !listens(postgres));
}

#[test]
fn passes_signals_on_and_ends_with_the_commands_code() {
    let script = "trap 'exit 9' TERM; trap 'exit 8' INT; echo ready; while :; do sleep 0.05; done";
    for (signal, code) in [(Signal::SIGTERM, 9), (Signal::SIGINT, 8)] {
        let (mut child, line) = start(script);
        assert_eq!(line, "ready");
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}

#[test]
fn a_command_that_a_signal_ended_is_reported_as_a_shell_would() {
    let status = exec("kill -9 $$").status().unwrap();
    assert_eq!(status.code(), Some(137));
}

#[test]
fn what_a_killed_one_left_behind_is_removed_by_the_next() {
    let temp = crate::harness::temp_dir();
    let scratch = || {
        let entries = std::fs::read_dir(temp.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    // It ends at once when its servers are gone, so that nothing of it is left either.
    let script = "echo ready; read -r line";
    let mut child = exec(script).env("TMPDIR", temp.path()).stdin(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let left = scratch();
    assert_eq!(left.len(), 1);
    let left_behind = children_of(child.id());
    assert!(left_behind.len() >= 3, "the command, and what runs each server: {left_behind:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(child.stdin.take());
    assert_eq!(scratch(), left);
    // What a server still writes into cannot be removed: first all of them have ended.
    left_behind.into_iter().for_each(wait_until_gone);
    assert!(exec("true").env("TMPDIR", temp.path()).status().unwrap().success());
    let still = scratch();
    assert!(still.is_empty(), "the next one has removed it: {still:?}");
}
