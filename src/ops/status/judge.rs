//! Derives the findings from the status document. Pure: no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use time::format_description::well_known::Rfc3339;

use super::document::{
    BucketStatus, DependencyState, DependencyStatus, Status, WaitStatus, WorkerStatus,
};
use super::finding::{Finding, FindingCode, Severity, many, problem, span, warning};
use super::{complete, hold, loss};
use crate::config;
use crate::domain::failure::Dependency;
use crate::ops::queue::QueueStatus;
use crate::store::command::CommandCounts;
use crate::store::status::{AnomalyCounts, DeadLetterCounts};

/// The findings, problems first.
pub(super) fn findings(status: &Status, limits: &config::Status) -> Vec<Finding> {
    let mut found = Vec::new();
    status.dependencies.iter().for_each(|one| dependency(one, &mut found));
    found.extend(status.loss.as_ref().map(loss::lost));
    if let Some(durability) = &status.durability {
        loss::kept(durability, &mut found);
    }
    if let Some(schema) = status.schema.as_ref().filter(|schema| !schema.fits) {
        let have = schema.have.map_or_else(|| "nothing".to_owned(), |have| have.to_string());
        let text = format!("the schema is at {have} and this program needs {}", schema.need);
        found.push(problem(FindingCode::Schema, text).mended_by("quittance migrate"));
    }
    // Workers cannot write their heartbeats to a Redis that takes no writes.
    let redis_is_up = status
        .dependencies
        .iter()
        .all(|one| one.name != Dependency::Redis.as_str() || one.state != DependencyState::Down);
    if let Some(all) = status.workers.as_ref().filter(|_| redis_is_up) {
        workers(all, &mut found);
        waits(all, &status.dependencies, &mut found);
    }
    if let Some(queue) = &status.queue {
        lanes(queue, limits.max_lag, &mut found);
    }
    slowed(status, &mut found);
    if let Some(counts) = status.dead_letters.as_ref().filter(|counts| counts.open > 0) {
        found.push(dead_letters(counts, limits.max_new_dead_letters));
    }
    if let Some(anomalies) = status.anomalies.filter(|anomalies| anomalies.total() > 0) {
        found.push(anomalous(anomalies));
    }
    let hold = status.outbox_hold.as_ref();
    found.extend(hold.and_then(|hold| hold::held_back(hold, limits.max_outbox_lag)));
    for one in status.outbox.iter().flatten() {
        let late = one.oldest_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        if let Some(late) = late.filter(|late| *late > limits.max_outbox_lag.as_secs()) {
            let late = span(Duration::from_secs(late));
            let text = format!("{}: the oldest undelivered notification is {late} old", one.name);
            found.push(problem(FindingCode::OutboxBehind, text));
        }
        if one.dead > 0 {
            let were = if one.dead == 1 { "was" } else { "were" };
            let text =
                format!("{} {were} dead-lettered for {}", many(one.dead, "notification"), one.name);
            found.push(warning(FindingCode::OutboxDead, text).mended_by("quittance outbox dead"));
        }
    }
    if let Some(counts) = &status.commands {
        commands(counts, limits.max_command_age, &mut found);
    }
    complete::judge(status, limits.max_incomplete, &mut found);
    found.sort_by_key(|finding| finding.severity);
    found
}

fn anomalous(anomalies: AnomalyCounts) -> Finding {
    let parts = [
        (anomalies.transitions, "change of status", "that the state machine does not allow"),
        (anomalies.behind_event, "answer", "of Stripe's that stayed older than the event"),
        (anomalies.cut_short, "object", "with a list too long to store whole"),
    ];
    let parts = parts.into_iter().filter(|(count, ..)| *count > 0);
    let parts: Vec<_> =
        parts.map(|(count, of, which)| format!("{} {which}", many(count, of))).collect();
    let text = format!("anomalies in the last 24 hours: {}", parts.join(", "));
    Finding {
        remedy: Some("docs/operations.md, \"QuittanceAnomalies\"".to_owned()),
        ..warning(FindingCode::Anomalies, text)
    }
}

fn dead_letters(counts: &DeadLetterCounts, most_new: u32) -> Finding {
    let wait = if counts.open == 1 { "waits" } else { "wait" };
    let text = format!("{} {wait} for an operator", many(counts.open, "dead letter"));
    let finding = if counts.new > i64::from(most_new) {
        let new = format!(
            "{} of them in the last hour (status.max_new_dead_letters is {most_new})",
            counts.new
        );
        problem(FindingCode::DeadLetters, format!("{text}, {new}"))
    } else {
        warning(FindingCode::DeadLetters, text)
    };
    finding.mended_by("quittance dead-letters groups")
}

/// Commands that need a person, and those that no process finishes.
fn commands(counts: &CommandCounts, max_age: Duration, found: &mut Vec<Finding>) {
    let dead = counts.dead();
    if dead > 0 {
        let (wait, they) = if dead == 1 { ("waits", "it") } else { ("wait", "they") };
        let text = format!(
            "{} {wait} for an operator: whether {they} had an effect at Stripe is not known",
            many(dead, "command")
        );
        let finding = problem(FindingCode::CommandsDead, text);
        found.push(finding.mended_by("quittance commands list --state dead"));
    }
    let oldest = counts.oldest_open_seconds().and_then(|seconds| u64::try_from(seconds).ok());
    if let Some(oldest) = oldest.map(Duration::from_secs).filter(|oldest| *oldest > max_age) {
        let text = format!(
            "the oldest command that is not finished is {} old (status.max_command_age is {})",
            span(oldest),
            span(max_age)
        );
        let finding = problem(FindingCode::CommandsLate, text);
        found.push(finding.mended_by("quittance commands list"));
    }
}

/// One line: there is a budget for each endpoint and account, and Stripe's trouble is the trouble of all.
fn slowed(status: &Status, found: &mut Vec<Finding>) {
    let share = |bucket: &BucketStatus| bucket.rate_per_second / bucket.full_rate_per_second;
    let slowed = status.limiter.iter().flatten().filter(|bucket| bucket.slowed_until.is_some());
    let slowed: Vec<_> = slowed.collect();
    let most = slowed.iter().copied().min_by(|a, b| share(a).total_cmp(&share(b)));
    let Some(most) = most else { return };
    let others = match slowed.len() - 1 {
        0 => String::new(),
        others => format!("; {others} more are slowed too"),
    };
    let text = format!(
        "Stripe limits us at {}: {:.1} requests a second instead of {:.0}{others}",
        most.bucket, most.rate_per_second, most.full_rate_per_second
    );
    found.push(warning(FindingCode::Slowed, text));
}

fn dependency(one: &DependencyStatus, found: &mut Vec<Finding>) {
    match one.state {
        DependencyState::Up | DependencyState::Unknown => {}
        DependencyState::Down => {
            let code = match one.name.as_str() {
                "redis" => FindingCode::RedisDown,
                "postgres" => FindingCode::PostgresDown,
                _ => FindingCode::StripeDown,
            };
            let detail = one.detail.as_deref().unwrap_or("no answer");
            found.push(problem(code, format!("{} is down: {detail}", one.name)));
        }
    }
}

fn workers(all: &[WorkerStatus], found: &mut Vec<Finding>) {
    if all.iter().all(|worker| worker.silent) {
        let text = "no worker is running: no jobs are processed".to_owned();
        found.push(problem(FindingCode::NoWorkers, text));
    }
    for worker in all.iter().filter(|worker| worker.silent) {
        let ago = span(Duration::from_millis(worker.seen_ms_ago));
        let text = format!("the worker {} has sent no heartbeat for {ago}", worker.name);
        found.push(warning(FindingCode::WorkerSilent, text));
    }
    let versions: BTreeSet<_> = all.iter().map(|worker| worker.version.as_str()).collect();
    if versions.len() > 1 {
        let versions = versions.into_iter().collect::<Vec<_>>().join(" and ");
        let text = format!("workers of the versions {versions} run beside each other");
        found.push(warning(FindingCode::Versions, text));
    }
}

/// What workers wait for, a line for each dependency. One that is down is a finding by itself; what they wait
/// for besides answers this look and not them: a disk is full, a server takes no writes, a lock is held.
fn waits(all: &[WorkerStatus], dependencies: &[DependencyStatus], found: &mut Vec<Finding>) {
    let alive: Vec<_> = all.iter().filter(|worker| !worker.silent).collect();
    let mut waits: BTreeMap<&str, Vec<&WaitStatus>> = BTreeMap::new();
    for wait in alive.iter().filter_map(|worker| worker.waits_for.as_ref()) {
        waits.entry(&wait.dependency).or_default().push(wait);
    }
    let nothing_runs = waits.values().map(Vec::len).sum::<usize>() == alive.len();
    let is_down = |name: &str| {
        let mut down = dependencies.iter().filter(|one| one.state == DependencyState::Down);
        down.any(|one| one.name == name)
    };
    for (dependency, waits) in waits.into_iter().filter(|(name, _)| !is_down(name)) {
        let Some(first) = waits.iter().min_by_key(|wait| wait.since) else { continue };
        let who = match (waits.len(), alive.len()) {
            (1, 1) => "the worker waits".to_owned(),
            (waiting, all) if waiting == all => format!("all {all} workers wait"),
            (1, all) => format!("1 of {all} workers waits"),
            (waiting, all) => format!("{waiting} of {all} workers wait"),
        };
        let since = first.since.replace_nanosecond(0).unwrap_or(first.since);
        let since = since.format(&Rfc3339).unwrap_or_else(|_| since.to_string());
        let text = format!("{who} for {dependency} since {since}: {}", first.message);
        let severity = if nothing_runs { Severity::Problem } else { Severity::Warning };
        found.push(Finding { severity, code: FindingCode::WorkersWait, text, remedy: None });
    }
}

fn lanes(queue: &QueueStatus, max_lag: Duration, found: &mut Vec<Finding>) {
    for lane in &queue.lanes {
        let oldest = Duration::from_millis(lane.oldest_ms.unwrap_or_default());
        if oldest > max_lag {
            let text = format!(
                "the oldest job of the {} lane is {} old (status.max_lag is {})",
                lane.lane,
                span(oldest),
                span(max_lag)
            );
            // A backfill may take its time; that is what its lane is for.
            let is_live = lane.lane == "live";
            let severity = if is_live { Severity::Problem } else { Severity::Warning };
            found.push(Finding { severity, code: FindingCode::Behind, text, remedy: None });
        }
    }
    for pause in queue.paused() {
        let why = pause.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let text = format!("the {} lane is paused by {}{why}", pause.lane, pause.by);
        found.push(warning(FindingCode::Paused, text));
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
