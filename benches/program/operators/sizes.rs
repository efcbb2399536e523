//! Sizes of a run.

use std::time::Duration;

/// The sizes, each with an environment variable to try it smaller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// `OPS_BENCH_EVENTS`: rows of the ledger; at least as many as dead letters.
    pub(crate) events: u64,
    /// `OPS_BENCH_LETTERS`
    pub(crate) dead_letters: u64,
    /// `OPS_BENCH_RETRIED`: how many of them are of the group that is retried.
    pub(crate) retried: u64,
    /// `OPS_BENCH_RUNS`: of each look.
    pub(crate) runs: usize,
    /// `OPS_BENCH_RATE`: live webhooks a second.
    pub(crate) rate: u64,
    /// `OPS_BENCH_WORKERS`: processes.
    pub(crate) workers: u64,
    /// `OPS_BENCH_CALM`: seconds of live traffic before the retry.
    pub(crate) calm: Duration,
    /// `OPS_BENCH_OVER`: seconds that the retry is spread over.
    pub(crate) over: Duration,
}

impl Sizes {
    pub(crate) fn from_env() -> Self {
        Self {
            events: number("EVENTS", 1_000_000),
            dead_letters: number("LETTERS", 100_000),
            retried: number("RETRIED", 50_000),
            runs: usize::try_from(number("RUNS", 100)).unwrap(),
            rate: number("RATE", 40),
            workers: number("WORKERS", 1),
            calm: Duration::from_secs(number("CALM", 45)),
            over: Duration::from_secs(number("OVER", 0)),
        }
    }
}

fn number(name: &str, usual: u64) -> u64 {
    let name = format!("OPS_BENCH_{name}");
    let text = std::env::var(&name).ok();
    text.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text}")))
}
