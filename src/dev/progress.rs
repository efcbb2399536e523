//! Progress of `quittance dev` on the terminal.

use std::collections::VecDeque;
use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::clients::Answered;
use super::environment::Environment;
use super::options::Options;
use super::verdict::Difference;
use crate::queue::Depth;
use crate::store::LedgerCounts;
use stripe_simulator::Stats;

/// A line on the terminal. A closed pipe does not end the run: its servers want
/// to be stopped, and its exit code is awaited.
macro_rules! say {
    () => { write(format_args!(""), "\n") };
    ($($text:tt)*) => { write(format_args!($($text)*), "\n") };
}

fn write(text: fmt::Arguments<'_>, end: &str) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{text}{end}").and_then(|()| out.flush());
}

/// One look at everything. None: it could not be reached just now.
pub(super) struct Seen {
    pub(super) told: u32,
    pub(super) stats: Option<Stats>,
    pub(super) depth: Option<Depth>,
    pub(super) ledger: Option<LedgerCounts>,
    /// Commands that have no end yet.
    pub(super) open_commands: Option<i64>,
    /// Notifications that are not delivered yet.
    pub(super) untold: Option<i64>,
    /// Until when each account is complete, as the program itself claims.
    pub(super) complete_until: Option<time::OffsetDateTime>,
    /// What the receiver heard: facts, and how often one came again.
    pub(super) heard: Option<(usize, usize)>,
}

impl Seen {
    /// All that was sent was acknowledged, and nothing is left in the queue.
    pub(super) fn is_quiet(&self) -> bool {
        let webhooks = self.stats.as_ref().map(|stats| stats.webhooks);
        let delivered = webhooks.is_some_and(|w| w.deliveries == w.acknowledged);
        let told = self.untold == Some(0);
        let ended = self.open_commands == Some(0);
        delivered && told && ended && self.depth.as_ref().is_some_and(|depth| depth.total() == 0)
    }

    fn line(&self, payments: Option<u32>, rate: f64) -> String {
        let mut parts = Vec::new();
        if let Some(stats) = &self.stats {
            let of = payments.map_or_else(String::new, |all| format!("/{all}"));
            let (sent, twice) = (stats.webhooks.sent, stats.webhooks.duplicates);
            parts.push(format!("{}{of} payments", self.told));
            parts.push(format!("{sent} webhooks ({twice} duplicates)"));
        }
        match &self.ledger {
            Some(ledger) => {
                parts.push(format!("{} settled ({rate:.0}/s)", ledger.done()));
                parts.push(format!("{} dead", ledger.dead));
            }
            None => parts.push("Postgres is away".to_owned()),
        }
        if let Some((told, again)) = self.heard {
            parts.push(format!("{told} facts told ({again} again)"));
        }
        match &self.depth {
            Some(depth) => {
                parts.push(format!("queue {}", depth.total()));
                parts.push(format!("oldest {:.1} s", depth.oldest_age().as_secs_f64()));
            }
            None => parts.push("Redis is away".to_owned()),
        }
        if let Some(stats) = &self.stats {
            let refused = stats.requests.iter().filter(|r| r.status != Some(200));
            let refused: u64 = refused.map(|r| r.count).sum();
            parts.push(format!("{} API calls ({refused} failed)", stats.requests_to(None)));
        }
        parts.join(" · ")
    }
}

/// Window over which the rate is computed.
const RATE_OVER: Duration = Duration::from_secs(3);

/// The live line: rewritten in place on a terminal, now and then a new one elsewhere.
pub(super) struct Progress {
    payments: Option<u32>,
    live: bool,
    last: Option<Instant>,
    shown: String,
    /// Looks of the last seconds: when, and how many events had been settled.
    looks: VecDeque<(Instant, i64)>,
}

impl Progress {
    pub(super) fn new(payments: Option<u32>) -> Self {
        Self {
            payments,
            live: std::io::stdout().is_terminal(),
            last: None,
            shown: String::new(),
            looks: VecDeque::new(),
        }
    }

    pub(super) fn show(&mut self, seen: &Seen) {
        let rate = self.rate(seen);
        let line = seen.line(self.payments, rate);
        if self.live {
            write(format_args!("\r\x1b[K{line}"), "");
        } else if self.last.is_none_or(|last| last.elapsed() > Duration::from_secs(2))
            && line != self.shown
        {
            say!("{line}");
            self.last = Some(Instant::now());
        }
        self.shown = line;
    }

    /// Events settled a second, over the last few seconds.
    fn rate(&mut self, seen: &Seen) -> f64 {
        if let Some(ledger) = &seen.ledger {
            self.looks.push_back((Instant::now(), ledger.done()));
        }
        while self.looks.len() > 1
            && self.looks.front().is_some_and(|(at, _)| at.elapsed() > RATE_OVER)
        {
            self.looks.pop_front();
        }
        let (Some((from, before)), Some((to, after))) = (self.looks.front(), self.looks.back())
        else {
            return 0.0;
        };
        let seconds = to.duration_since(*from).as_secs_f64();
        let settled = u32::try_from(after - before).unwrap_or(0);
        if seconds > 0.0 { f64::from(settled) / seconds } else { 0.0 }
    }

    /// Something happened that is worth a line of its own.
    pub(super) fn note(&mut self, text: &str) {
        if self.live {
            write(format_args!("\r\x1b[K! {text}\n{}", self.shown), "");
        } else {
            say!("! {text}");
        }
    }

    pub(super) fn end(&mut self) {
        if self.live {
            say!();
        } else {
            say!("{}", self.shown);
        }
    }
}

/// Says what runs where.
pub(super) fn introduce(environment: &Environment, options: &Options) {
    match &environment.shop_url {
        Some(url) => say!("shop       {url}    (buy something)"),
        None => say!("shop       none: it needs STRIPE_PUBLISHABLE_KEY (pk_test_...)"),
    }
    say!("webhooks   {}", environment.webhook_url);
    say!("admin      {}", environment.admin_url);
    say!("api        {}    (docs/write-side.md)", environment.api_url);
    say!("database   psql '{}'", environment.database_url);
    say!(
        "shell      . {}    (then `quittance status` and all others work there)",
        environment.environment.path().display()
    );
    say!("logs       {}/*/server.log", options.root.display());
    match &environment.simulator {
        Some(simulator) => {
            let weather = if options.calm { "calm" } else { "rough weather" };
            say!(
                "stripe     simulated at {} (seed {}, {weather})",
                simulator.base_url(),
                options.seed
            );
        }
        None => {
            say!("stripe     the real one; in another terminal:");
            say!("           stripe listen --forward-to {}", environment.webhook_url);
        }
    }
    say!("workers    {} · stop with Ctrl-C\n", environment.workers.len());
}

/// The end of a run with `--payments`.
pub(super) fn verdict(
    seen: &Seen,
    answered: &[Answered],
    differences: &[Difference],
    logs: &[PathBuf],
) {
    if let Some(stats) = &seen.stats {
        let hooks = stats.webhooks;
        say!("\npayments              {}", seen.told);
        say!("events                {}", hooks.deliveries);
        say!("webhooks sent         {}", hooks.sent);
        say!("  of them duplicates  {}", hooks.duplicates);
        say!("  answered not 2xx    {}", hooks.failed);
        say!("forged, and accepted  {}, {}", hooks.forged, hooks.forged_accepted);
        say!("API calls             {}", stats.requests_to(None));
        for row in &stats.requests {
            let status = row.status.map_or_else(|| "none".to_owned(), |s| s.to_string());
            say!("  {:<40} {status:<6}{}", row.endpoint, row.count);
        }
    }
    let sent: u32 = answered.iter().map(|answer| answer.sent).sum();
    say!("API clients' requests {}", answered.len());
    say!("  sent, with repeats  {sent}");
    if let Some(ledger) = &seen.ledger {
        say!("dead letters          {}", ledger.dead);
    }
    if let Some((told, again)) = seen.heard {
        say!("facts told            {told}");
        say!("  again, by their id  {again}");
    }
    say!("differences           {}", differences.len());
    const SHOWN: usize = 20;
    for d in differences.iter().take(SHOWN) {
        say!("  {} {} {}: expected {}, found {}", d.table, d.id, d.what, d.expected, d.found);
    }
    if differences.len() > SHOWN {
        say!("  … and {} more", differences.len() - SHOWN);
    }
    if differences.is_empty() {
        say!("\nEvery row is what the simulator says it is, and every fact was told.");
    } else {
        say!("\nThe logs may say why:");
        for log in logs {
            say!("  {}", log.display());
        }
    }
}
