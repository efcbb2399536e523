//! `dev`: private servers, and commands beside them.

mod exec;
mod harness_database;
mod orphans;
mod postgres;
mod redis;
mod shop;
mod terminal;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// Waits until no process of that id is left. Nothing tells us of the end of a process that is not our
/// child, so this looks again and again.
fn wait_until_gone(pid: u32) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    while kill(pid, None) != Err(Errno::ESRCH) {
        assert!(Instant::now() < deadline, "process {pid} is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}
