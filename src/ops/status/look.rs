//! Collects the status from Redis and Postgres concurrently.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::timeout;

use super::document::{
    BucketStatus, DependencyState, DependencyStatus, RunningJob, SchemaStatus, Status, WaitStatus,
    WorkerStatus,
};
use super::finding::Severity;
use super::judge;
use super::loss;
use super::rates::rates;
use crate::config;
use crate::domain::failure::{self, Dependency};
use crate::ops::queue::{QueueStatus, millis, moment, queue_status};
use crate::queue::{Bucket, Durability, FlowCounts, Inspector, Listed, MarkerState, QueueError};
use crate::store::command::CommandCounts;
use crate::store::completeness::Completeness;
use crate::store::duty::Duty;
use crate::store::event_certificate::EventCertificate;
use crate::store::outbox::{DestinationState, OutboxHold};
use crate::store::queue_marker::QueueMemory;
use crate::store::schema::SchemaVersion;
use crate::store::status::{AnomalyCounts, DeadLetterCounts};
use crate::store::{Store, StoreError};

/// Deadline of each part: the status of an outage must not wait for the server that is down.
const PATIENCE: Duration = Duration::from_secs(3);

/// A worker that reports itself every two seconds and has not for so long is silent.
const SILENT: Duration = Duration::from_secs(10);

/// Sources of a status.
#[derive(Clone)]
pub struct Sources {
    /// The queue.
    pub inspector: Inspector,
    /// The tables.
    pub store: Store,
    /// What counts as too much.
    pub limits: config::Status,
}

/// The part of a status that comes from Redis.
struct OfRedis {
    latency: Duration,
    /// Why it takes no writes, if it does not: what is there can be read all the same.
    refuses: Option<String>,
    durability: Durability,
    marker: MarkerState,
    queue: QueueStatus,
    roster: Vec<Listed>,
    buckets: Vec<Bucket>,
    flow: FlowCounts,
}

/// The part of a status that comes from Postgres.
struct OfPostgres {
    latency: Duration,
    schema: SchemaVersion,
    memory: Option<QueueMemory>,
    dead_letters: Result<DeadLetterCounts, StoreError>,
    anomalies: Result<AnomalyCounts, StoreError>,
    outbox: Result<Vec<DestinationState>, StoreError>,
    hold: Result<Option<OutboxHold>, StoreError>,
    commands: Result<CommandCounts, StoreError>,
    completeness: Result<Option<Completeness>, StoreError>,
    certificates: Result<Vec<EventCertificate>, StoreError>,
    duties: Result<Vec<Duty>, StoreError>,
}

/// Looks at everything. Never fails: what cannot be seen is missing, and its dependency says why.
pub async fn look(sources: &Sources) -> Status {
    let Sources { inspector, store, limits } = sources;
    let (of_redis, of_postgres) = tokio::join!(
        answered(of_redis(inspector)),
        explained(store, of_postgres(store, inspector.queue()))
    );
    let workers: Option<Vec<_>> =
        of_redis.as_ref().ok().map(|seen| seen.roster.iter().map(worker).collect());
    let dependencies = vec![
        redis(of_redis.as_ref()),
        dependency(
            Dependency::Postgres,
            of_postgres.as_ref().map(|seen| seen.latency),
            of_postgres.as_ref().ok().and_then(unread),
        ),
        stripe(workers.as_deref()),
    ];
    let (of_redis, of_postgres) = (of_redis.ok(), of_postgres.ok());
    let now = OffsetDateTime::now_utc();
    let mut status = Status {
        healthy: false,
        findings: Vec::new(),
        at: now.replace_nanosecond(0).unwrap_or(now),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        dependencies,
        queue: of_redis.as_ref().map(|seen| seen.queue.clone()),
        loss: None,
        durability: of_redis.as_ref().map(|seen| loss::durability(seen.durability.clone())),
        rates: of_redis.as_ref().map(|seen| rates(&seen.flow)),
        workers,
        limiter: of_redis.as_ref().map(|seen| seen.buckets.iter().cloned().map(bucket).collect()),
        schema: of_postgres.as_ref().map(|seen| schema(seen.schema)),
        dead_letters: None,
        anomalies: None,
        outbox: None,
        outbox_hold: None,
        commands: None,
        completeness: None,
        certificate: None,
        duties: None,
    };
    if let Some(seen) = of_postgres {
        let marker = of_redis.as_ref().map(|seen| &seen.marker);
        status.loss = seen.memory.and_then(|memory| loss::loss(&memory, marker));
        status.dead_letters = seen.dead_letters.ok();
        status.anomalies = seen.anomalies.ok();
        status.outbox = seen.outbox.ok();
        status.outbox_hold = seen.hold.ok().flatten();
        status.commands = seen.commands.ok();
        status.completeness = seen.completeness.ok().flatten();
        status.certificate = seen.certificates.ok().and_then(|mut all| all.pop());
        status.duties = seen.duties.ok();
    }
    status.findings = judge::findings(&status, limits);
    status.healthy = status.findings.iter().all(|one| one.severity != Severity::Problem);
    status
}

async fn of_redis(inspector: &Inspector) -> Result<OfRedis, QueueError> {
    let latency = inspector.latency().await?;
    let refuses = inspector.takes_writes().await.err().map(|error| error.chain());
    let (durability, marker, depth, pauses, roster, buckets, flow) = tokio::try_join!(
        inspector.durability(),
        inspector.marker(),
        inspector.depth(),
        inspector.pauses(),
        inspector.roster(),
        inspector.buckets(),
        inspector.flow(),
    )?;
    let queue = queue_status(inspector.queue(), &depth, &pauses, &roster);
    Ok(OfRedis { latency, refuses, durability, marker, queue, roster, buckets, flow })
}

async fn of_postgres(store: &Store, queue: &str) -> Result<OfPostgres, StoreError> {
    let latency = store.latency().await?;
    let schema = store.schema_version().await?;
    let (dead_letters, anomalies, outbox, hold, commands) = tokio::join!(
        store.dead_letter_counts(),
        store.anomaly_counts(),
        store.destinations(),
        store.outbox_hold(),
        store.command_counts()
    );
    // Only newer schemas have the table.
    let memory =
        if schema.have >= Some(schema.need) { store.queue_memory(queue).await? } else { None };
    let (completeness, certificates, duties) =
        tokio::join!(store.completeness(), store.event_certificates(1), store.duties());
    Ok(OfPostgres {
        latency,
        schema,
        memory,
        dead_letters,
        anomalies,
        outbox,
        hold,
        commands,
        completeness,
        certificates,
        duties,
    })
}

/// An answer in time, or why there is none.
async fn answered<T, E: Error>(asking: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match timeout(PATIENCE, asking).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failure::chain(&error).join(": ")),
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}

/// The same of Postgres, which may be waited for in vain for longer than that: then, why.
async fn explained<T>(
    store: &Store,
    asking: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, String> {
    match answered(asking).await {
        Ok(answer) => Ok(answer),
        Err(why) => Err(match store.unreachable_because().await {
            Some(error) => failure::chain(&error).join(": "),
            None => why,
        }),
    }
}

/// Counts that failed in a Postgres that answers.
fn unread(seen: &OfPostgres) -> Option<String> {
    let of_outbox = seen.outbox.as_ref().err().or(seen.hold.as_ref().err());
    let of_counts = seen.dead_letters.as_ref().err().or(seen.anomalies.as_ref().err());
    let of_lists = seen.completeness.as_ref().err().or(seen.certificates.as_ref().err());
    let of_work = seen.commands.as_ref().err().or(seen.duties.as_ref().err());
    let error = of_counts.or(of_outbox).or(of_work).or(of_lists)?;
    Some(format!("some of it could not be read: {}", failure::chain(error).join(": ")))
}

fn dependency(
    which: Dependency,
    latency: Result<Duration, &String>,
    detail: Option<String>,
) -> DependencyStatus {
    let name = which.as_str().to_owned();
    match latency {
        Ok(latency) => DependencyStatus {
            name,
            state: DependencyState::Up,
            latency_ms: Some((latency.as_secs_f64() * 10_000.0).round() / 10.0),
            detail,
            since: None,
        },
        Err(why) => DependencyStatus {
            name,
            state: DependencyState::Down,
            latency_ms: None,
            detail: Some(why.clone()),
            since: None,
        },
    }
}

/// A Redis that answers and takes no writes is as good as down, but what is in it can be shown.
fn redis(seen: Result<&OfRedis, &String>) -> DependencyStatus {
    let mut status = dependency(Dependency::Redis, seen.map(|seen| seen.latency), None);
    if let Some(why) = seen.ok().and_then(|seen| seen.refuses.as_ref()) {
        status.state = DependencyState::Down;
        status.detail = Some(why.clone());
    }
    status
}

/// Stripe is as the workers see it: to ask it here would cost of the budget that they need.
fn stripe(workers: Option<&[WorkerStatus]>) -> DependencyStatus {
    let name = Dependency::Stripe.as_str();
    let alive: Vec<_> = workers.unwrap_or_default().iter().filter(|one| !one.silent).collect();
    let waits = alive.iter().filter_map(|one| one.waits_for.as_ref());
    let waits = waits.filter(|wait| wait.dependency == name).min_by_key(|wait| wait.since);
    let (state, detail) = match (waits, alive.is_empty()) {
        (Some(wait), _) => (DependencyState::Down, Some(wait.message.clone())),
        (None, true) => (DependencyState::Unknown, Some("no worker reports its state".to_owned())),
        (None, false) => (DependencyState::Up, None),
    };
    let since = waits.map(|wait| wait.since);
    DependencyStatus { name: name.to_owned(), state, latency_ms: None, detail, since }
}

fn schema(version: SchemaVersion) -> SchemaStatus {
    let SchemaVersion { have, need } = version;
    SchemaStatus { have, need, fits: have >= Some(need) }
}

fn worker(listed: &Listed) -> WorkerStatus {
    let Listed { card, seen_ago } = listed;
    let now = OffsetDateTime::now_utc();
    let jobs = card.jobs.iter().map(|job| RunningJob {
        id: job.id.clone(),
        lane: job.lane.clone(),
        event: job.event.clone(),
        event_type: job.event_type.clone(),
        object: job.object.clone(),
        attempt: job.attempt,
        running_ms: (now - moment(job.since_ms)).try_into().map(millis).unwrap_or_default(),
    });
    let waits_for = card.waits_for.as_ref().map(|wait| WaitStatus {
        dependency: wait.dependency.clone(),
        misconfigured: wait.misconfigured,
        message: wait.message.clone(),
        since: moment(wait.since_ms),
    });
    WorkerStatus {
        name: card.name.clone(),
        id: card.id.clone(),
        version: card.version.clone(),
        host: card.host.clone(),
        pid: card.pid,
        started_at: moment(card.started_at_ms),
        seen_ms_ago: millis(*seen_ago),
        silent: *seen_ago > SILENT,
        concurrency: card.concurrency,
        limit: card.limit,
        running: card.running,
        jobs: jobs.collect(),
        waits_for,
        paused: card.paused.clone(),
    }
}

fn bucket(bucket: Bucket) -> BucketStatus {
    BucketStatus {
        rate_per_second: (bucket.rate * 10.0).round() / 10.0,
        full_rate_per_second: bucket.full_rate,
        tokens: (bucket.tokens * 10.0).round() / 10.0,
        capacity: bucket.capacity,
        slowed_until: bucket.slowed_until_ms.map(moment),
        bucket: bucket.name,
    }
}
