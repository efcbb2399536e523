//! Servers end with their parent, however it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use quittance::dev::servers::{Options, Servers};

use super::wait_until_gone;
use crate::harness::temp_dir;

const DIR: &str = "QUITTANCE_TEST_PARENT_DIR";

/// Whether this process is the parent that a test has started: that test once more, told so by a
/// variable. It starts servers, says their ids, and waits until its stdin ends.
async fn is_parent() -> bool {
    let Some(dir) = std::env::var_os(DIR) else { return false };
    let servers = Servers::start(dir.as_ref(), Options { durable: false }).await.unwrap();
    println!("\npids {} {}", servers.redis.pid(), servers.postgres.pid());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    true
}

fn start_parent(test: &str, dir: &std::path::Path) -> (Child, [u32; 2]) {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("dev::orphans::{test}"), "--nocapture"])
        .env(DIR, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("pids ")).expect("the parent starts its servers");
    // What else it says must go somewhere.
    std::thread::spawn(move || lines.for_each(drop));
    let pids: Vec<u32> = line.split(' ').skip(1).map(|pid| pid.parse().unwrap()).collect();
    (parent, [pids[0], pids[1]])
}

#[tokio::test]
async fn no_server_outlives_a_parent_that_is_killed() {
    if is_parent().await {
        return;
    }
    let dir = temp_dir();
    let (mut parent, pids) = start_parent("no_server_outlives_a_parent_that_is_killed", dir.path());
    parent.kill().unwrap();
    parent.wait().unwrap();
    pids.into_iter().for_each(wait_until_gone);
}

#[tokio::test]
async fn no_server_outlives_a_parent_that_ends() {
    if is_parent().await {
        return;
    }
    let dir = temp_dir();
    let (mut parent, pids) = start_parent("no_server_outlives_a_parent_that_ends", dir.path());
    drop(parent.stdin.take());
    parent.wait().unwrap();
    pids.into_iter().for_each(wait_until_gone);
}

#[tokio::test]
async fn the_directory_of_a_killed_parent_can_be_used_at_once() {
    if is_parent().await {
        return;
    }
    let dir = temp_dir();
    let (mut parent, _) =
        start_parent("the_directory_of_a_killed_parent_can_be_used_at_once", dir.path());
    parent.kill().unwrap();
    let mut again = Servers::start(dir.path(), Options { durable: false }).await.unwrap();
    again.stop().await.unwrap();
    parent.wait().unwrap();
}
