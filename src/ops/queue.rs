//! `quittance queue`: lanes, jobs, pause and resume.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::envelope;
use crate::queue::{Depth, Inspector, Lane, Listed, Pause, Peeked, Place, QueueError};
use crate::store::audit::NewAudit;
use crate::store::dead_letter::Actor;
use crate::store::queue_marker::QueueLoss;
use crate::store::{Store, StoreError};

/// Depth of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueueStatus {
    /// Its name: `queue.name`.
    pub name: String,
    /// Jobs that are not finished, of all kinds.
    pub total: u64,
    /// Jobs that wait for a later retry, of both lanes.
    pub delayed: u64,
    /// Age of the oldest unfinished job of both lanes in milliseconds, those that wait for a retry
    /// not counted; 0 when there is none.
    pub oldest_ms: u64,
    /// Each lane.
    pub lanes: Vec<LaneStatus>,
}

impl QueueStatus {
    /// The lanes that are paused.
    pub fn paused(&self) -> impl Iterator<Item = &PauseStatus> {
        self.lanes.iter().filter_map(|lane| lane.paused.as_ref())
    }
}

/// Jobs that Redis has lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueueLossStatus {
    /// What is missing; empty where that is not known.
    pub what: String,
    /// When a worker noticed it; null where none has yet.
    #[serde(with = "time::serde::rfc3339::option")]
    pub noticed_at: Option<OffsetDateTime>,
    /// Events that were received from then on may be missing.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// Depth of one lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LaneStatus {
    /// `live`, `backfill`.
    pub lane: String,
    /// Jobs that no worker has.
    pub waiting: u64,
    /// Jobs that workers have claimed: prefetched, running, or waiting for their acknowledgement.
    pub claimed: u64,
    /// Those of them that run, as the workers report it.
    pub running: u64,
    /// Age of the oldest unfinished job in milliseconds; null when there is none. One that waits for
    /// a retry is not counted.
    pub oldest_ms: Option<u64>,
    /// The operator who paused it, and the reason; null when it is not paused.
    pub paused: Option<PauseStatus>,
}

/// A lane is paused: no job of it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PauseStatus {
    /// `live`, `backfill`.
    pub lane: String,
    /// The operator who paused it.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

impl From<&Pause> for PauseStatus {
    fn from(pause: &Pause) -> Self {
        Self {
            lane: pause.lane.as_str().to_owned(),
            by: pause.by.clone(),
            reason: pause.reason.clone(),
            since: moment(pause.since_ms),
        }
    }
}

/// Effect of a pause, or of its end, on one lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LaneActed {
    /// `live`, `backfill`.
    pub lane: String,
    /// Whether anything changed: a lane that is paused cannot be paused again.
    pub changed: bool,
    /// The pause that holds now, or the one that has ended.
    pub pause: Option<PauseStatus>,
    /// Why it is not in the audit log, though it was done; null when it is there, or nothing changed.
    pub not_audited: Option<String>,
}

/// A job of the queue. What its event says is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueuedJob {
    /// Its id within its lane.
    pub id: String,
    /// `live`, `backfill`.
    pub lane: String,
    /// `waiting`, `claimed`, `delayed`.
    pub place: String,
    /// Whether a worker runs it, as that worker reports. A claimed job that does not run is prefetched.
    pub running: bool,
    /// The event; null when it cannot be read.
    pub event: Option<String>,
    /// The event's type; null when it cannot be read.
    pub event_type: Option<String>,
    /// The connected account that it comes from, if any.
    pub account: Option<String>,
    /// The endpoint that received it.
    pub endpoint: String,
    /// `webhook`, `retry`, `replay`.
    pub source: String,
    /// The attempt that is its next, or that it is in, from 1.
    pub attempt: u32,
    /// How many workers began it since it was last put on its lane.
    pub deliveries: u32,
    /// How long ago it was last put on its lane, in milliseconds.
    pub age_ms: u64,
    /// When its event was received.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// The worker that has it.
    pub worker: Option<String>,
    /// Time since the worker last renewed its claim, in milliseconds. After `queue.lease` another worker
    /// claims the job.
    pub claim_age_ms: Option<u64>,
    /// In how many milliseconds it is due, if it is delayed.
    pub due_in_ms: Option<u64>,
}

/// How full the queue is.
///
/// # Errors
/// Redis.
pub async fn show(inspector: &Inspector) -> Result<QueueStatus, QueueError> {
    let depth = inspector.depth().await?;
    let pauses = inspector.pauses().await?;
    Ok(queue_status(inspector.queue(), &depth, &pauses, &inspector.roster().await?))
}

/// The lanes that are paused.
///
/// # Errors
/// Redis.
pub async fn pauses(inspector: &Inspector) -> Result<Vec<PauseStatus>, QueueError> {
    Ok(inspector.pauses().await?.iter().map(PauseStatus::from).collect())
}

/// Depth of the queue, from what Redis and the workers report.
pub(super) fn queue_status(
    name: &str,
    depth: &Depth,
    pauses: &[Pause],
    workers: &[Listed],
) -> QueueStatus {
    let lanes = Lane::ALL.map(|lane| {
        let one = depth.lane(lane);
        let jobs = workers.iter().flat_map(|worker| &worker.card.jobs);
        let running = jobs.filter(|job| job.lane == lane.as_str()).count();
        LaneStatus {
            lane: lane.as_str().to_owned(),
            waiting: one.waiting,
            claimed: one.in_hand,
            // Reported a moment ago, so it may differ from what is claimed now.
            running: u64::try_from(running).unwrap_or(u64::MAX).min(one.in_hand),
            oldest_ms: one.oldest.map(millis),
            paused: pauses.iter().find(|pause| pause.lane == lane).map(PauseStatus::from),
        }
    });
    QueueStatus {
        name: name.to_owned(),
        total: depth.total(),
        delayed: depth.delayed,
        oldest_ms: millis(depth.oldest_age()),
        lanes: lanes.into(),
    }
}

/// The first jobs of a lane in a place, at most 100. Changes nothing.
///
/// # Errors
/// Redis.
pub async fn peek(
    inspector: &Inspector,
    lane: Lane,
    place: Place,
    limit: usize,
) -> Result<Vec<QueuedJob>, QueueError> {
    let workers = inspector.roster().await?;
    let jobs = inspector.peek(lane, place, limit).await?;
    Ok(jobs.into_iter().map(|job| queued(job, &workers)).collect())
}

/// `waiting`, `claimed`, `delayed`.
#[must_use]
pub fn place_word(place: Place) -> &'static str {
    match place {
        Place::Waiting => "waiting",
        Place::InHand => "claimed",
        Place::Delayed => "delayed",
    }
}

fn queued(peeked: Peeked, workers: &[Listed]) -> QueuedJob {
    let Peeked { id, lane, place, job, age, deliveries, holder, unheard, due_in } = peeked;
    let event = envelope::peek(&job.body).ok();
    let worker = holder.as_deref().and_then(|id| workers.iter().find(|w| w.card.id == id));
    let runs = |worker: &Listed| {
        worker.card.jobs.iter().any(|one| one.id == id.as_str() && one.lane == lane.as_str())
    };
    QueuedJob {
        running: worker.is_some_and(runs),
        event: event.as_ref().map(|event| event.id.to_string()),
        event_type: event.as_ref().map(|event| event.event_type.to_string()),
        account: event.and_then(|event| event.account).map(|account| account.to_string()),
        endpoint: job.meta.endpoint,
        source: job.meta.source.as_str().to_owned(),
        attempt: job.meta.attempt.saturating_add(1),
        deliveries,
        age_ms: millis(age),
        received_at: moment(job.meta.received_at_ms),
        worker: worker.map(|worker| worker.card.name.clone()).or(holder),
        claim_age_ms: unheard.map(millis),
        due_in_ms: due_in.map(millis),
        id: id.to_string(),
        lane: lane.as_str().to_owned(),
        place: place_word(place).to_owned(),
    }
}

/// Pauses lanes: within about a second no worker begins a job of them any more. What runs, ends.
///
/// # Errors
/// Redis; then the lanes before are paused. A failure to record it in Postgres is no error: an operator who stops
/// the work in an outage must be able to.
pub async fn pause(
    inspector: &Inspector,
    store: &Store,
    lanes: &[Lane],
    actor: Actor<'_>,
) -> Result<Vec<LaneActed>, QueueError> {
    // All of them first: a note waits for Postgres, and the work does not wait for a note.
    let mut paused = Vec::with_capacity(lanes.len());
    let mut refused = None;
    for &lane in lanes {
        match inspector.pause(lane, actor.name, actor.reason).await {
            Ok((changed, pause)) => paused.push((lane, changed, pause)),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let mut acted = Vec::with_capacity(paused.len());
    for (lane, changed, pause) in paused {
        let not_audited =
            if changed { note(store, "queue.pause", lane, actor, &pause).await } else { None };
        let (pause, lane) = (Some(PauseStatus::from(&pause)), lane.as_str().to_owned());
        acted.push(LaneActed { lane, changed, pause, not_audited });
    }
    refused.map_or(Ok(acted), Err)
}

/// Ends the pause of lanes.
///
/// # Errors
/// As [`pause`].
pub async fn resume(
    inspector: &Inspector,
    store: &Store,
    lanes: &[Lane],
    actor: Actor<'_>,
) -> Result<Vec<LaneActed>, QueueError> {
    let mut acted = Vec::with_capacity(lanes.len());
    for &lane in lanes {
        let ended = inspector.resume(lane).await?;
        let not_audited = match &ended {
            Some(pause) => note(store, "queue.resume", lane, actor, pause).await,
            None => None,
        };
        let (changed, lane) = (ended.is_some(), lane.as_str().to_owned());
        let pause = ended.as_ref().map(PauseStatus::from);
        acted.push(LaneActed { lane, changed, pause, not_audited });
    }
    Ok(acted)
}

/// Result of acknowledging a loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LossAcknowledged {
    /// The loss that has ended; null where there was none.
    pub loss: Option<QueueLossStatus>,
}

/// Ends the loss that `status` shows, after what was lost has been replayed. In the audit log.
///
/// # Errors
/// Postgres; then nothing has changed.
pub async fn acknowledge_loss(
    store: &Store,
    queue: &str,
    actor: Actor<'_>,
) -> Result<LossAcknowledged, StoreError> {
    let loss = store.acknowledge_queue_loss(queue, actor).await?;
    Ok(LossAcknowledged { loss: loss.map(loss_status) })
}

/// A loss, as it is shown.
fn loss_status(loss: QueueLoss) -> QueueLossStatus {
    let QueueLoss { noticed_at, what, since } = loss;
    QueueLossStatus { what, noticed_at: Some(noticed_at), since }
}

/// Why it could not be noted, if it could not.
async fn note(
    store: &Store,
    verb: &str,
    lane: Lane,
    actor: Actor<'_>,
    pause: &Pause,
) -> Option<String> {
    let details = json!({
        "paused_by": pause.by,
        "paused_because": pause.reason,
        "paused_since_ms": pause.since_ms,
    });
    let target = format!("lane:{lane}");
    let new = NewAudit { actor, verb, target: &target, count: 1, details };
    let error = store.record_audit(&new).await.err()?;
    Some(crate::domain::failure::chain(&error).join(": "))
}

pub(super) fn moment(unix_ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
