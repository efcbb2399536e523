//! `/`: health, queue lag, throughput, workers.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::page;
use crate::admin::frame::Frame;
use crate::admin::state::Admin;
use crate::admin::view::{self, Bars};
use crate::ops::status::{self, BucketStatus, Finding, FindingCode, Severity, Slice, Status};
use crate::ops::types::AccountCompleteness;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    status: Status,
}

pub(super) async fn show(State(admin): State<Arc<Admin>>, frame: Frame) -> Response {
    page(&Overview { frame, status: status::look(&admin.context.sources).await })
}

impl Overview {
    fn running(&self) -> u64 {
        self.status.workers.iter().flatten().map(|worker| worker.running).sum()
    }

    /// The findings, problems first, and how each sort looks.
    fn findings(&self) -> [(&'static str, Vec<&Finding>); 2] {
        let of = |severity: Severity| {
            self.status.findings.iter().filter(|it| it.severity == severity).collect()
        };
        [("bad", of(Severity::Problem)), ("warn", of(Severity::Warning))]
    }

    fn warnings(&self) -> usize {
        let warning = |it: &&Finding| it.severity == Severity::Warning;
        self.status.findings.iter().filter(warning).count()
    }

    /// The rate limits that are in use or slowed down.
    fn drawn_on(&self) -> Vec<&BucketStatus> {
        self.status.limiter.iter().flatten().filter(|one| !one.is_full()).collect()
    }

    /// How many rate limits are not in use.
    fn unused_limits(&self) -> usize {
        self.status.limiter.iter().flatten().filter(|one| one.is_full()).count()
    }

    /// Until when all of our own account is here.
    fn own_account(&self) -> Option<&AccountCompleteness> {
        let all = self.status.completeness.as_ref()?.accounts.iter();
        all.into_iter().find(|one| one.account.is_empty())
    }

    fn slots(&self) -> u64 {
        self.status.workers.iter().flatten().map(|worker| worker.concurrency).sum()
    }
}

/// The page on which one sees more of a finding, and can do something about it.
fn path_of(finding: &Finding) -> Option<&'static str> {
    match finding.code {
        FindingCode::DeadLetters => Some("/dead-letters"),
        FindingCode::OutboxBehind | FindingCode::OutboxHeldBack | FindingCode::OutboxDead => {
            Some("/outbox")
        }
        FindingCode::Behind | FindingCode::Paused => Some("/queue"),
        FindingCode::Incomplete
        | FindingCode::EventsGap
        | FindingCode::EventsMissed
        | FindingCode::EventsMissing => Some("/completeness"),
        FindingCode::CommandsDead | FindingCode::CommandsLate => Some("/commands"),
        // What there is to see of these is below.
        FindingCode::RedisDown
        | FindingCode::QueueLost
        | FindingCode::RedisDurability
        | FindingCode::PostgresDown
        | FindingCode::StripeDown
        | FindingCode::Schema
        | FindingCode::NoWorkers
        | FindingCode::WorkerSilent
        | FindingCode::Versions
        | FindingCode::WorkersWait
        | FindingCode::Anomalies
        | FindingCode::Slowed => None,
    }
}

/// The number of rate limits that are not in use, in words.
fn unused(count: usize) -> String {
    match count {
        1 => "1 rate limit is not in use.".to_owned(),
        many => format!("{} are not in use.", view::count(many, "rate limit")),
    }
}

fn bars(label: &str, slices: &[Slice], value: fn(&Slice) -> u64) -> Bars {
    Bars { label: label.to_owned(), values: slices.iter().map(value).collect() }
}

fn arrived(label: &str, slices: &[Slice]) -> Bars {
    bars(label, slices, |slice| slice.arrived)
}

fn finished(label: &str, slices: &[Slice]) -> Bars {
    bars(label, slices, |slice| slice.finished)
}

/// The age of the oldest waiting job, in words.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "templates pass everything by reference")]
fn lag(milliseconds: &u64) -> String {
    if *milliseconds == 0 { "nothing waits".to_owned() } else { view::length(milliseconds / 1000) }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "templates pass everything by reference")]
fn seconds(seconds: &i64) -> String {
    view::length(u64::try_from(*seconds).unwrap_or_default())
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "templates pass everything by reference")]
fn rate(per_second: &f64) -> String {
    if *per_second >= 10.0 { format!("{per_second:.0}") } else { format!("{per_second:.1}") }
}
