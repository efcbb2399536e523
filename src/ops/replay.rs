//! `quittance events replay`: processes an event again. Stripe keeps events for 30 days.

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::compare::LookError;
use super::events;
use super::name::{self, Name};
use super::reconcile::{self, Reconciled};
use crate::domain::failure::Failure;
use crate::domain::id::{AccountId, EventId, Mode, Scope};
use crate::domain::object::Kind;
use crate::queue::{Job, JobMeta, JobSource, Lane, Producer, QueueError};
use crate::reconcile::Reconciler;
use crate::store::audit::NewAudit;
use crate::store::dead_letter::Actor;
use crate::store::ledger::LedgerEvent;
use crate::store::{Store, StoreError};

/// For how long Stripe keeps an event (docs.stripe.com, "Retrieve an event").
const KEPT: Duration = Duration::days(30);

/// The endpoint of an event that no endpoint has received.
const ENDPOINT: &str = "replay";

/// An event to replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Which.
    pub id: EventId,
    /// The connected account that it is of, for an event that the ledger does not know; none: ours.
    pub account: Option<AccountId>,
    /// Its mode, for the same; none: that of the key.
    pub mode: Option<Mode>,
}

/// Result of a replay.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "did", rename_all = "snake_case")]
pub enum Replayed {
    /// The event was fetched from Stripe, and is on the backfill lane: a worker settles it.
    Enqueued {
        /// The event.
        event: String,
        /// The job's id in the queue.
        job: String,
        /// Where the event had ended before; none if the ledger did not know it.
        was: Option<String>,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// The event had settled before, and settling it again would do nothing. So its object was
    /// reconciled instead.
    Reconciled {
        /// The event.
        event: String,
        /// What that did.
        reconciled: Reconciled,
    },
}

/// Why an event was not replayed. Nothing was done, but where it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Stripe does not have it.
    #[error(
        "Stripe has no event {event} in {place}: it keeps events for 30 days, and an event of a \
         connected account is found in that account alone"
    )]
    NotAtStripe {
        /// The event.
        event: EventId,
        /// Where it was looked for.
        place: String,
    },
    /// It is older than what Stripe keeps.
    #[error(
        "{event} is from {created}, and Stripe keeps events for 30 days: reconcile its object instead"
    )]
    TooOld {
        /// The event.
        event: EventId,
        /// Its date.
        created: time::Date,
    },
    /// It settled as nothing that is handled.
    #[error("{event} is in the ledger as {outcome}: there is nothing to fetch for a {event_type}")]
    NothingToDo {
        /// The event.
        event: EventId,
        /// How it ended.
        outcome: String,
        /// Its type.
        event_type: String,
    },
    /// The mode is unknown: neither the key nor the operator gave it.
    #[error("{event} is not in the ledger, and the key does not say its mode: say it")]
    WhichMode {
        /// The event.
        event: EventId,
    },
    /// Stripe could not be asked, or Postgres on the way.
    #[error(transparent)]
    Look(#[from] LookError),
    /// The queue did not take it.
    #[error("the queue did not take {event}: {}", .source.chain())]
    NotEnqueued {
        /// The event.
        event: EventId,
        /// Why.
        source: QueueError,
    },
    /// It was replayed, and that could not be noted in the audit log.
    #[error("{event} was replayed, but that could not be noted in the audit log: {source}")]
    NotNoted {
        /// The event.
        event: EventId,
        /// Why.
        source: StoreError,
    },
}

impl ReplayError {
    /// As [`LookError::failure`].
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Look(error) => error.failure(),
            Self::NotAtStripe { .. }
            | Self::TooOld { .. }
            | Self::NothingToDo { .. }
            | Self::WhichMode { .. }
            | Self::NotEnqueued { .. }
            | Self::NotNoted { .. } => None,
        }
    }
}

impl From<StoreError> for ReplayError {
    fn from(error: StoreError) -> Self {
        Self::Look(error.into())
    }
}

/// Replays an event. One that has not settled is fetched from Stripe and put on the backfill lane;
/// of one that has, its object is brought up to date, here and now.
///
/// # Errors
/// See [`ReplayError`].
pub async fn replay(
    store: &Store,
    producer: &Producer,
    reconciler: &Reconciler,
    wanted: &Replay,
    actor: Actor<'_>,
) -> Result<Replayed, ReplayError> {
    let known = store.find_event(wanted.id.as_str()).await?;
    let replayed = match &known {
        Some(event) if event.status != "dead" => settled(store, reconciler, wanted, event).await?,
        Some(_) | None => fetched(producer, reconciler, wanted, known.as_ref()).await?,
    };
    let details = match &replayed {
        Replayed::Enqueued { job, was, request_id, .. } => {
            json!({"did": "enqueued", "job": job, "was": was, "request_id": request_id})
        }
        Replayed::Reconciled { reconciled, .. } => json!({
            "did": "reconciled", "object": reconciled.object.id,
            "outcome": reconciled.outcome, "request_id": reconciled.request_id,
        }),
    };
    let target = format!("event:{}", wanted.id);
    let noted = NewAudit { actor, verb: "event.replay", target: &target, count: 1, details };
    match store.record_audit(&noted).await {
        Ok(_) => Ok(replayed),
        Err(source) => Err(ReplayError::NotNoted { event: wanted.id.clone(), source }),
    }
}

/// Reconciles the object of an event that has been processed: its notifications were sent, but the row may be stale.
async fn settled(
    store: &Store,
    reconciler: &Reconciler,
    wanted: &Replay,
    event: &LedgerEvent,
) -> Result<Replayed, ReplayError> {
    let key = events::object(event).filter(|key| Kind::parse(&key.kind).is_some());
    let name = key.as_ref().and_then(Name::of_key);
    let nothing = || ReplayError::NothingToDo {
        event: wanted.id.clone(),
        outcome: event.outcome.clone().unwrap_or_else(|| event.status.clone()),
        event_type: event.event_type.clone().unwrap_or_default(),
    };
    let subject = match name {
        None => return Err(nothing()),
        Some(name) => match name::subject(store, &name, reconciler.mode()).await {
            Ok(subject) => subject,
            Err(name::NameError::Store(error)) => return Err(error.into()),
            Err(
                name::NameError::Unknown { .. }
                | name::NameError::Ambiguous { .. }
                | name::NameError::TooLittle { .. },
            ) => return Err(nothing()),
        },
    };
    let reconciled = reconcile::refresh(store, reconciler, subject).await?;
    Ok(Replayed::Reconciled { event: wanted.id.as_str().to_owned(), reconciled })
}

async fn fetched(
    producer: &Producer,
    reconciler: &Reconciler,
    wanted: &Replay,
    known: Option<&LedgerEvent>,
) -> Result<Replayed, ReplayError> {
    let event = wanted.id.clone();
    if let Some(created) = known.and_then(|known| known.created)
        && created < OffsetDateTime::now_utc() - KEPT
    {
        return Err(ReplayError::TooOld { event, created: created.date() });
    }
    let scope = scope(reconciler, wanted, known)?;
    let Some(found) = reconciler.event(&scope, &event).await.map_err(LookError::from)? else {
        let place = match &scope.account {
            None => format!("our own account in {} mode", scope.mode),
            Some(account) => format!("{account} in {} mode", scope.mode),
        };
        return Err(ReplayError::NotAtStripe { event, place });
    };
    let endpoint = known.map_or(ENDPOINT, |known| known.endpoint.as_str());
    let job = job(&event, found.body, endpoint);
    match producer.enqueue(Lane::Backfill, &job).await {
        Ok(job) => Ok(Replayed::Enqueued {
            event: event.as_str().to_owned(),
            job: job.as_str().to_owned(),
            was: known.map(|known| known.status.clone()),
            request_id: found.request_id,
        }),
        Err(source) => Err(ReplayError::NotEnqueued { event, source }),
    }
}

/// Where Stripe has it: where the ledger says, or where the person says, or where the key leads.
fn scope(
    reconciler: &Reconciler,
    wanted: &Replay,
    known: Option<&LedgerEvent>,
) -> Result<Scope, ReplayError> {
    let mode = known.and_then(|known| known.livemode).map(Mode::from_livemode);
    let mode = mode.or(wanted.mode).or_else(|| reconciler.mode());
    let mode = mode.ok_or_else(|| ReplayError::WhichMode { event: wanted.id.clone() })?;
    let account = match known.and_then(|known| known.account.as_deref()) {
        Some("") | None => wanted.account.clone(),
        Some(account) => AccountId::parse(account).ok(),
    };
    Ok(Scope { account, mode })
}

fn job(event: &EventId, body: Bytes, endpoint: &str) -> Job {
    let now = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    Job {
        meta: JobMeta {
            endpoint: endpoint.to_owned(),
            received_at_ms: i64::try_from(now).unwrap_or(i64::MAX),
            secret_index: None,
            attempt: 0,
            source: JobSource::Replay,
            event: Some(event.as_str().to_owned()),
            trace: None,
            retry_of: None,
        },
        body,
    }
}
