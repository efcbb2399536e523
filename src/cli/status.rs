//! `quittance status`: [`crate::ops::status`] on the command line.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

use super::format;
use super::table::{self, prose, text, whole};
use crate::cli::out;
use crate::config::Role;
use crate::ops::queue::QueueStatus;
use crate::ops::status::{
    BucketStatus, DependencyStatus, Rates, Severity, Sources, Status, WorkerStatus, look,
};
use crate::roles::exit::{Exit, Failed};
use crate::roles::parts;
use crate::store::command::CommandCounts;
use crate::store::completeness::{AccountCompleteness, Completeness};
use crate::store::outbox::DestinationState;
use crate::store::status::DeadLetterCounts;

/// Running jobs that are shown, those that run longest.
const JOBS_SHOWN: usize = 10;

/// `quittance status`
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// Repeat every SECONDS until interrupted [default: 2].
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub watch: Option<u64>,
    /// One JSON document; with --watch, one per line.
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(config: Option<&Path>, args: StatusArgs) -> Result<Exit, Failed> {
    let settings = parts::settings_and_log(config, Role::Requeue)?;
    let sources = Sources {
        inspector: parts::inspector(&settings)?,
        store: parts::store(&settings, "status")?,
        limits: settings.status.clone(),
    };
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        let status = look(&sources).await;
        if args.watch.is_some() && !args.json && std::io::stdout().is_terminal() {
            // Home, and everything below gone.
            print!("\x1b[H\x1b[2J");
        }
        if args.json {
            println!("{}", out::json(&status)?);
        } else {
            print(&status);
        }
        // A reader of a pipe gets each status at once. If it is gone, the next write ends the program.
        let _ = std::io::stdout().flush();
        let Some(seconds) = args.watch else {
            let unfit = status.schema.as_ref().is_some_and(|schema| !schema.fits);
            return Ok(match status.healthy {
                _ if unfit => Exit::Schema,
                true => Exit::Success,
                false => Exit::Failure,
            });
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
            _ = &mut interrupted => return Ok(Exit::Success),
        }
    }
}

fn print(status: &Status) {
    println!("{}", if status.healthy { "Healthy." } else { "Unhealthy." });
    for finding in &status.findings {
        let severity = match finding.severity {
            Severity::Problem => "problem",
            Severity::Warning => "warning",
        };
        let remedy = finding.remedy.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
        println!("  {severity}: {}{remedy}", format::plain(&finding.text));
    }
    dependencies(status);
    if let Some(queue) = &status.queue {
        lanes(queue);
    }
    if let Some(all) = &status.rates {
        rates(all);
    }
    if let Some(all) = &status.workers {
        workers(all);
    }
    if let Some(all) = status.limiter.as_ref().filter(|all| !all.is_empty()) {
        limiter(all);
    }
    if let Some(all) = status.outbox.as_ref().filter(|all| !all.is_empty()) {
        outbox(all);
    }
    if let Some(counts) = &status.dead_letters {
        dead_letters(counts);
    }
    if let Some(completeness) = &status.completeness {
        complete(completeness);
    }
    if let Some(last) = &status.certificate {
        let counts = &last.counts;
        println!(
            "Last comparison with Stripe's list of events: {}, {} listed, {} missing",
            format::at(last.at),
            counts.listed,
            counts.missing
        );
    }
    if let Some(counts) = status.commands.as_ref().filter(|counts| !counts.is_empty()) {
        commands(counts);
    }
}

fn dependencies(status: &Status) {
    let detail = |one: &DependencyStatus| match (&one.detail, one.since) {
        (Some(detail), Some(since)) => format!("{detail} (since {})", format::at(since)),
        (Some(detail), None) => detail.clone(),
        (None, _) if one.name == "stripe" => "as reported by the workers".to_owned(),
        (None, _) if one.name == "postgres" => {
            let have = status.schema.as_ref().and_then(|schema| schema.have);
            have.map(|have| format!("schema {have}")).unwrap_or_default()
        }
        (None, _) => String::new(),
    };
    let rows = status.dependencies.iter().map(|one| {
        let latency = one.latency_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
        vec![one.name.clone(), one.state.as_str().to_owned(), latency, detail(one)]
    });
    println!();
    let columns = [whole("DEPENDENCY"), whole("STATE"), whole("LATENCY"), text("")];
    table::print(&columns, &rows.collect::<Vec<_>>());
}

/// The lanes of the queue.
pub(super) fn lanes(queue: &QueueStatus) {
    let rows = queue.lanes.iter().map(|lane| {
        let paused = lane.paused.as_ref().map(|pause| {
            let why = pause.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("since {} by {}{why}", format::at(pause.since), pause.by)
        });
        vec![
            lane.lane.clone(),
            lane.waiting.to_string(),
            lane.claimed.to_string(),
            lane.running.to_string(),
            lane.oldest_ms.map_or_else(|| "-".to_owned(), format::span_ms),
            paused.unwrap_or_else(|| "no".to_owned()),
        ]
    });
    println!();
    let columns = [
        whole("LANE"),
        whole("WAITING"),
        whole("CLAIMED"),
        whole("RUNNING"),
        whole("OLDEST"),
        prose("PAUSED"),
    ];
    table::print(&columns, &rows.collect::<Vec<_>>());
    println!("Delayed until a retry: {}", queue.delayed);
}

fn rates(rates: &Rates) {
    let all = [rates.last_minute, rates.last_5_minutes, rates.last_hour];
    let row = |name: &str, numbers: [f64; 3]| {
        std::iter::once(name.to_owned()).chain(numbers.map(|n| format!("{n:.2}"))).collect()
    };
    println!();
    table::print(
        &["JOBS PER SECOND", "1 MINUTE", "5 MINUTES", "1 HOUR"].map(whole),
        &[
            row("arrived", all.map(|rate| rate.arrived_per_second)),
            row("finished", all.map(|rate| rate.finished_per_second)),
        ],
    );
}

fn workers(all: &[WorkerStatus]) {
    if all.is_empty() {
        return;
    }
    let rows = all.iter().map(|one| {
        let waits = one.waits_for.as_ref();
        let seen = format::span_ms(one.seen_ms_ago);
        vec![
            one.name.clone(),
            one.version.clone(),
            format::at(one.started_at),
            runs(one),
            if one.silent { format!("missed for {seen}") } else { format!("{seen} ago") },
            waits.map(|wait| wait.dependency.clone()).unwrap_or_else(|| "-".to_owned()),
        ]
    });
    println!();
    let heading = ["WORKER", "VERSION", "STARTED", "SLOTS BUSY", "LAST HEARTBEAT", "WAITS FOR"];
    table::print(&heading.map(whole), &rows.collect::<Vec<_>>());
    let jobs = all.iter().flat_map(|one| one.jobs.iter().map(|job| (one.name.clone(), job)));
    let mut jobs: Vec<_> = jobs.collect();
    jobs.sort_by_key(|(_, job)| std::cmp::Reverse(job.running_ms));
    let more = jobs.len().saturating_sub(JOBS_SHOWN);
    let rows: Vec<_> = jobs
        .into_iter()
        .take(JOBS_SHOWN)
        .map(|(worker, job)| {
            let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
            vec![
                format::span_ms(job.running_ms),
                known(&job.event_type),
                known(&job.event),
                job.object.clone().unwrap_or_default(),
                job.attempt.to_string(),
                worker,
            ]
        })
        .collect();
    if !rows.is_empty() {
        println!();
        let heading = ["RUNNING FOR", "EVENT TYPE", "EVENT", "OBJECT", "ATTEMPT", "WORKER"];
        table::print(&heading.map(whole), &rows);
    }
    if more > 0 {
        println!("… and {more} more (see --json)");
    }
}

/// The jobs that a worker runs, and its limit where that is lower than its slots.
fn runs(worker: &WorkerStatus) -> String {
    let WorkerStatus { running, concurrency, .. } = worker;
    match worker.limit.filter(|limit| limit < concurrency) {
        Some(limit) => format!("{running} of {concurrency}, limited to {limit}"),
        None => format!("{running} of {concurrency}"),
    }
}

/// The rate limits that are in use or slowed down.
fn limiter(all: &[BucketStatus]) {
    let full = all.iter().filter(|one| one.is_full()).count();
    println!();
    if full == all.len() {
        println!("Requests to Stripe: none of the {full} rate limits are in use");
        return;
    }
    let rows = all.iter().filter(|one| !one.is_full()).map(|one| {
        vec![
            one.bucket.clone(),
            format!("{:.1} of {:.0}", one.rate_per_second, one.full_rate_per_second),
            format!("{:.1} of {:.0}", one.tokens, one.capacity),
            one.slowed_until.map_or_else(|| "-".to_owned(), format::at),
        ]
    });
    let heading = ["RATE LIMIT", "PER SECOND", "TOKENS", "SLOWED UNTIL"];
    table::print(&heading.map(whole), &rows.collect::<Vec<_>>());
    if full > 0 {
        println!("… and {full} more that are not in use (see --json)");
    }
}

fn outbox(all: &[DestinationState]) {
    let rows = all.iter().map(|one| {
        let oldest = one.oldest_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        vec![
            one.name.clone(),
            one.behind.to_string(),
            one.pending.to_string(),
            one.dead.to_string(),
            oldest.map_or_else(|| "-".to_owned(), |seconds| format::span_ms(seconds * 1000)),
        ]
    });
    println!();
    let heading = ["DESTINATION", "LAG", "PENDING", "DEAD", "OLDEST"];
    table::print(&heading.map(whole), &rows.collect::<Vec<_>>());
}

fn dead_letters(counts: &DeadLetterCounts) {
    let classes = counts.classes.iter().map(|one| format!("{} {}", one.count, one.class));
    let classes = classes.collect::<Vec<_>>().join(", ");
    let classes = if classes.is_empty() { String::new() } else { format!(" ({classes})") };
    println!();
    println!(
        "Dead letters: {} open{classes}, {} snoozed, {} being retried; {} new in the last 24 hours",
        counts.open, counts.snoozed, counts.retrying, counts.last_24_hours
    );
}

/// Until when every event that Stripe lists is here.
fn complete(completeness: &Completeness) {
    let until = |one: &AccountCompleteness| {
        let behind = one.behind_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        vec![
            if one.account.is_empty() { "own".to_owned() } else { one.account.clone() },
            one.complete_until.map_or_else(|| "-".to_owned(), format::at),
            behind.map_or_else(|| "-".to_owned(), |seconds| format::span_ms(seconds * 1_000)),
            one.since.map_or_else(|| "-".to_owned(), format::at),
            one.open_events.to_string(),
            format::at(one.next_at),
            format::plain(one.error.as_deref().unwrap_or_default()),
        ]
    };
    println!();
    let columns = [
        whole("ACCOUNT"),
        whole("COMPLETE UNTIL"),
        whole("BEHIND"),
        whole("SINCE"),
        whole("OPEN EVENTS"),
        whole("NEXT LOOK"),
        text(""),
    ];
    table::print(&columns, &completeness.accounts.iter().map(until).collect::<Vec<_>>());
    if completeness.connected > 0 {
        let wait = u64::try_from(completeness.longest_wait_seconds).unwrap_or_default();
        let until = completeness.connected_until.map_or_else(|| "-".to_owned(), format::at);
        println!(
            "Connected accounts: {}, all complete until {until}, each looked at every {} or more often",
            completeness.connected,
            format::span_ms(wait * 1_000)
        );
    }
}

fn commands(counts: &CommandCounts) {
    let open = counts.by_state().into_iter().map(|(state, count, oldest)| {
        let oldest = u64::try_from(oldest).unwrap_or_default();
        format!("{count} {state} (oldest {})", format::span_ms(oldest.saturating_mul(1000)))
    });
    let open = open.collect::<Vec<_>>().join(", ");
    let open = if open.is_empty() { "none open".to_owned() } else { open };
    println!(
        "Commands: {open}; {} done and {} refused in the last 24 hours",
        counts.done_last_24_hours, counts.refused_last_24_hours
    );
}
