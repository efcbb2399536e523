//! The queue: its lanes, its jobs, pause and resume.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use crate::admin::fault::{postgres, redis, wrong};
use crate::admin::input::{Asked, Body};
use crate::admin::state::Admin;
use crate::http::Problem;
use crate::http::auth::Identity;
use crate::ops::queue::{self, LaneActed, LossAcknowledged, QueueStatus, QueuedJob};
use crate::ops::types::{Actor, Lane, Place};

/// Show the jobs and the lag of each lane, and which lanes are paused.
#[utoipa::path(get, path = "/queue", tag = "queue",
    responses((status = 200, body = QueueStatus)))]
pub(super) async fn show(State(admin): State<Arc<Admin>>) -> Answer<QueueStatus> {
    Ok(Json(queue::show(&admin.context.inspector).await.map_err(redis)?))
}

/// The jobs to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct PeekQuery {
    /// The lane: `live` (default) or `backfill`.
    pub(in crate::admin) lane: Option<String>,
    /// The state of the jobs: `waiting` (default), `claimed` (running or prefetched by a worker) or `delayed`
    /// (until a retry).
    pub(in crate::admin) place: Option<String>,
    /// Maximum number of results, 1 to 100; 20 by default.
    #[param(minimum = 1, maximum = 100)]
    pub(in crate::admin) limit: Option<u32>,
}

/// Jobs of a lane.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Jobs {
    /// The first jobs, in order.
    jobs: Vec<QueuedJob>,
}

/// List the first jobs of a lane, without their payloads. Changes nothing.
#[utoipa::path(get, path = "/queue/jobs", tag = "queue", params(PeekQuery),
    responses((status = 200, body = Jobs)))]
pub(super) async fn peek(State(admin): State<Arc<Admin>>, asked: Asked<PeekQuery>) -> Answer<Jobs> {
    Ok(Json(Jobs { jobs: peeked(&admin, &asked.query).await? }))
}

pub(in crate::admin) async fn peeked(
    admin: &Admin,
    query: &PeekQuery,
) -> Result<Vec<QueuedJob>, Problem> {
    let lane = lane(query.lane.as_deref().unwrap_or("live"))?;
    let place = match query.place.as_deref() {
        None | Some("waiting") => Place::Waiting,
        Some("claimed") => Place::InHand,
        Some("delayed") => Place::Delayed,
        Some(other) => {
            return Err(wrong(format!(
                "`{other}` is not a state of a job: waiting, claimed or delayed"
            )));
        }
    };
    let limit = match query.limit {
        None => 20,
        Some(limit @ 1..=100) => limit,
        Some(_) => return Err(wrong("limit is 1 to 100")),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    queue::peek(&admin.context.inspector, lane, place, limit).await.map_err(redis)
}

fn lane(text: &str) -> Result<Lane, Problem> {
    Lane::parse(text).ok_or_else(|| wrong(format!("`{text}` is not a lane: live or backfill")))
}

/// The lanes to pause or resume.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct LanesBody {
    /// `live` or `backfill`; both by default.
    pub(in crate::admin) lane: Option<String>,
    /// Reason, stored in the audit log and shown with the pause.
    pub(in crate::admin) reason: Option<String>,
}

/// The result for each lane.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Lanes {
    /// One entry per lane of the request.
    lanes: Vec<LaneActed>,
}

/// Pause lanes: within about a second no worker starts a job of them. Running jobs finish.
#[utoipa::path(post, path = "/queue/pause", tag = "queue", request_body = LanesBody,
    responses((status = 200, body = Lanes)))]
pub(super) async fn pause(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Body(body): Body<LanesBody>,
) -> Answer<Lanes> {
    Ok(Json(Lanes { lanes: acted(&admin, &who.name, &body, true).await? }))
}

/// Resume paused lanes.
#[utoipa::path(post, path = "/queue/resume", tag = "queue", request_body = LanesBody,
    responses((status = 200, body = Lanes)))]
pub(super) async fn resume(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Body(body): Body<LanesBody>,
) -> Answer<Lanes> {
    Ok(Json(Lanes { lanes: acted(&admin, &who.name, &body, false).await? }))
}

pub(in crate::admin) async fn acted(
    admin: &Admin,
    who: &str,
    body: &LanesBody,
    pause: bool,
) -> Result<Vec<LaneActed>, Problem> {
    let lanes = match body.lane.as_deref() {
        None => Lane::ALL.to_vec(),
        Some(text) => vec![lane(text)?],
    };
    let actor = Actor { name: who, reason: body.reason.as_deref() };
    let (inspector, store) = (&admin.context.inspector, &admin.context.store);
    let acted = if pause {
        queue::pause(inspector, store, &lanes, actor).await
    } else {
        queue::resume(inspector, store, &lanes, actor).await
    };
    acted.map_err(redis)
}

/// The reason of an acknowledgement.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct LossBody {
    /// Reason, stored in the audit log.
    #[schema(min_length = 1)]
    pub(in crate::admin) reason: String,
}

/// Acknowledge that Redis has lost jobs, after you have replayed their events.
#[utoipa::path(post, path = "/queue/acknowledge-loss", tag = "queue", request_body = LossBody,
    responses((status = 200, body = LossAcknowledged)))]
pub(super) async fn acknowledge_loss(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Identity>,
    Body(body): Body<LossBody>,
) -> Answer<LossAcknowledged> {
    Ok(Json(acknowledged(&admin, &who.name, &body).await?))
}

pub(in crate::admin) async fn acknowledged(
    admin: &Admin,
    who: &str,
    body: &LossBody,
) -> Result<LossAcknowledged, Problem> {
    if body.reason.trim().is_empty() {
        return Err(wrong("reason is required"));
    }
    let actor = Actor { name: who, reason: Some(&body.reason) };
    let (inspector, store) = (&admin.context.inspector, &admin.context.store);
    queue::acknowledge_loss(store, inspector.queue(), actor).await.map_err(postgres)
}
