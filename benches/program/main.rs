//! The program, part by part, each as a ratio to a floor that is measured in the same run.
//!
//!   make bench                            all of it
//!   make bench PARTS="ingress worker"     some of it
//!
//! Each part's file says what it measures and what its floor is. Needs Redis and Postgres (with
//! pgbench), and nothing that runs. Fails only if something is lost.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]
#![allow(
    clippy::print_stdout,
    reason = "its output is for whoever started it, and has no other reader"
)]

mod bare;
mod canned;
mod commands;
mod events;
mod ingress;
mod latency;
mod load;
mod operators;
mod outbox;
mod queue;
mod receiver;
mod requests;
mod stage;
mod worker;

use stage::Child;

const PARTS: [&str; 8] =
    ["ingress", "worker", "queue", "latency", "requests", "operators", "outbox", "commands"];

#[tokio::main]
async fn main() {
    if let Some(part) = Child::is_part() {
        return match part.as_str() {
            "bare" => bare::serve().await,
            "canned" => canned::serve().await,
            "command_floor" => commands::serve_floor().await,
            "operation" => operators::operation().await,
            "receiver" => receiver::serve().await,
            other => panic!("no such part: {other}"),
        };
    }
    let mut wanted: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some(unknown) = wanted.iter().find(|word| !PARTS.contains(&word.as_str())) {
        panic!("there is no part {unknown}; there are {}", PARTS.join(", "));
    }
    if wanted.is_empty() {
        wanted = PARTS.map(str::to_owned).into();
    }
    machine();
    for part in wanted {
        println!();
        match part.as_str() {
            "ingress" => ingress::measure().await,
            "worker" => worker::measure().await,
            "queue" => queue::measure().await,
            "latency" => latency::measure().await,
            "requests" => requests::measure().await,
            "outbox" => outbox::measure().await,
            "commands" => commands::measure().await,
            _ => operators::measure().await,
        }
    }
}

/// What all of it runs on, the servers and the load included.
fn machine() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    println!("{cores} cores for all of it, {}", model.unwrap_or("of an unknown model"));
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
