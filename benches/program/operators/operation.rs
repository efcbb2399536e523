//! The process that runs the bulk retry and does nothing else, so that its memory can be told.
//!
//! Its answer is one line of JSON.

use std::time::{Duration, Instant};

use quittance::ops::operations::{self, Agreed, Request};
use quittance::queue::Producer;
use quittance::store::Store;
use quittance::store::dead_letter::{Act, ActWord, Actor, Filter, GroupKey};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::stage::{self, Child};

/// Names the group to retry.
const GROUP: &str = "OPS_BENCH_OPERATION";
const OVER: &str = "OPS_BENCH_OPERATION_OVER";

/// Progress that the process reports.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) total: i64,
    pub(crate) done: i64,
    pub(crate) failed: i64,
    pub(crate) state: String,
    pub(crate) seconds: f64,
    /// Resident kilobytes: connected, and nothing done yet; after a tenth; at the end.
    pub(crate) rss_before: u64,
    pub(crate) rss_tenth: u64,
    pub(crate) rss_end: u64,
    /// The most that it ever was.
    pub(crate) rss_peak: u64,
}

/// Starts the process, and waits for what it tells.
pub(crate) async fn start(env: &[(String, String)], group: &GroupKey, over: Duration) -> Told {
    let mut env = env.to_vec();
    env.push((GROUP.to_owned(), group.to_string()));
    env.push((OVER.to_owned(), over.as_secs().to_string()));
    let (_child, told) = Child::part("operation", &env).await;
    serde_json::from_str(&told).unwrap()
}

/// Is that process.
pub(crate) async fn play() {
    let group = std::env::var(GROUP).unwrap().parse().unwrap();
    let over = std::env::var(OVER).unwrap().parse().unwrap();
    let told = run(group, Duration::from_secs(over)).await;
    println!("{}", serde_json::to_string(&told).unwrap());
}

async fn run(group: GroupKey, over: Duration) -> Told {
    let env: Vec<_> = std::env::vars().filter(|(name, _)| !name.starts_with("OPS_")).collect();
    let settings = stage::settings(&env);
    let store = Store::connect(&settings.database, "admin").unwrap();
    let producer = Producer::new(&settings.redis, &settings.queue).unwrap();
    store.ready().await.unwrap();
    producer.ready().await.unwrap();
    let rss_before = resident("VmRSS");

    let begin = Instant::now();
    let selection = Filter { group: Some(group), ..Filter::default() };
    let seen = operations::preview(&store, ActWord::Retry, &selection).await.unwrap();
    let request = Request {
        act: Act::Retry,
        selection: &selection,
        over: Some(over),
        agreed: Some(Agreed { count: seen.count, upto: seen.upto }),
        actor: Actor { name: "bench", reason: Some("the key has its permission now") },
    };
    let running = operations::begin(&store, &request).await.unwrap();
    let mut rss_tenth = 0;
    let progress = |now: &quittance::store::operation::Operation| {
        if rss_tenth == 0 && now.done + now.failed >= now.total / 10 {
            rss_tenth = resident("VmRSS");
        }
    };
    let forever = CancellationToken::new();
    let ended =
        operations::run(&store, Some(&producer), running, progress, &forever).await.unwrap();
    Told {
        total: ended.total,
        done: ended.done,
        failed: ended.failed,
        state: ended.state.as_str().to_owned(),
        seconds: begin.elapsed().as_secs_f64(),
        rss_before,
        rss_tenth,
        rss_end: resident("VmRSS"),
        rss_peak: resident("VmHWM"),
    }
}

/// A line of `/proc/self/status`, in kilobytes.
fn resident(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(':')).unwrap();
    found.trim().trim_end_matches(" kB").parse().unwrap()
}
